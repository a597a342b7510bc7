internal import Synchronization
internal import WebSocketProtocol

/// Buffers that were written, kept for the next segments. Many or large messages need such memory a hundred times a second:
/// malloc(3) would give it back to the system each time, whose fresh pages cost more than the messages.
///
/// One for each loop, so that it is bounded whatever the number of connections. `@unchecked Sendable` because a buffer is
/// used by its taker only, and the array under the lock only; a `Lock` that holds it would refuse to let buffers in and
/// out.
final class FrameBufferPool: @unchecked Sendable {
    /// The most bytes that are kept.
    static let limit = 2 << 20
    /// Capacities are multiples of this, so that messages of about the same size share them.
    private static let unit = 4 << 10

    private let lock = Lock(())
    /// The oldest first.
    private var buffers: [FrameBuffer] = []
    private var byteCount = 0

    var keptByteCount: Int { lock.withLock { _ in byteCount } }

    /// An empty buffer with room for so many bytes, and for many small frames.
    func take(minimumCapacity: Int = 0) -> FrameBuffer {
        let capacity = max(FrameBuffer.gatheringCapacity, (minimumCapacity + Self.unit - 1) & -Self.unit)
        var buffer: FrameBuffer?
        lock.withLock { _ in
            guard let index = buffers.lastIndex(where: { (capacity...2 * capacity).contains($0.capacity) }) else {
                return
            }
            buffer = buffers.remove(at: index)
            byteCount -= buffer?.capacity ?? 0
        }
        return buffer ?? FrameBuffer(minimumCapacity: capacity)
    }

    /// Keeps a buffer, in place of older ones where there is no room.
    func give(_ buffer: FrameBuffer) {
        let capacity = buffer.capacity
        guard capacity >= FrameBuffer.gatheringCapacity, capacity <= Self.limit else { return }
        buffer.removeAll()
        // Freed when the lock is open again.
        var dropped: [FrameBuffer] = []
        lock.withLock { _ in
            buffers.append(buffer)
            byteCount += capacity
            while byteCount > Self.limit, let oldest = buffers.first {
                byteCount -= oldest.capacity
                dropped.append(oldest)
                buffers.removeFirst()
            }
        }
    }
}

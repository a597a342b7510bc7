/// Bytes on their way to the peer, in memory of their own.
///
/// One side appends frames, then hands the whole buffer over to the side that writes it out; both never use it at the
/// same time, and the buffer does not check that.
package final class FrameBuffer {
    private static let smallestCapacity = 256

    private var used = 0
    private var storage: UnsafeMutableRawBufferPointer

    package init(minimumCapacity: Int = 0) {
        storage = Self.allocate(capacity: minimumCapacity)
    }

    deinit {
        storage.deallocate()
    }

    package var count: Int { used }
    package var isEmpty: Bool { used == 0 }

    /// How many bytes fit without a new allocation.
    package var capacity: Int { storage.count }

    /// The bytes appended so far. Valid until the next append or removal.
    package var bytes: UnsafeMutableRawBufferPointer {
        isEmpty
            ? UnsafeMutableRawBufferPointer(start: nil, count: 0)
            : UnsafeMutableRawBufferPointer(rebasing: storage[..<used])
    }

    package func append(contentsOf bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        appendUninitialized(bytes.count).copyMemory(from: source, byteCount: bytes.count)
    }

    package func removeAll(keepingCapacity: Bool = true) {
        used = 0
        if !keepingCapacity {
            storage.deallocate()
            storage = Self.allocate(capacity: 0)
        }
    }

    /// Takes back what ``appendUninitialized(_:)`` gave too much of.
    func removeLast(_ byteCount: Int) {
        used -= byteCount
    }

    /// Makes the buffer `byteCount` longer and returns where the new bytes start. The caller fills in all of them.
    func appendUninitialized(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let start = used
        if start + byteCount > storage.count { grow(toHold: start + byteCount) }
        used += byteCount
        // The storage is not empty here: `byteCount` is positive.
        return storage.baseAddress.unsafelyUnwrapped + start
    }

    private func grow(toHold byteCount: Int) {
        let larger = Self.allocate(capacity: max(byteCount, capacity * 2, Self.smallestCapacity))
        larger.copyMemory(from: UnsafeRawBufferPointer(bytes))
        storage.deallocate()
        storage = larger
    }

    private static func allocate(capacity: Int) -> UnsafeMutableRawBufferPointer {
        capacity == 0
            ? UnsafeMutableRawBufferPointer(start: nil, count: 0)
            : .allocate(byteCount: capacity, alignment: 16)
    }
}

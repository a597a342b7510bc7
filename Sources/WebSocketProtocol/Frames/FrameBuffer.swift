/// Bytes on their way to the peer, in memory of their own with room in front of the first one.
///
/// One side appends frames, then hands the whole buffer over to the side that writes it out; both never use it at the
/// same time, and the buffer does not check that. The room in front is for C libraries that put their own header there.
package final class FrameBuffer {
    private static let smallestCapacity = 256

    /// How many bytes in front of ``bytes`` belong to this buffer too.
    package let headroom: Int
    package private(set) var count = 0
    private var storage: UnsafeMutableRawBufferPointer

    package init(headroom: Int = 0, minimumCapacity: Int = 0) {
        self.headroom = headroom
        storage = Self.allocate(headroom: headroom, capacity: minimumCapacity)
    }

    deinit {
        storage.deallocate()
    }

    package var isEmpty: Bool { count == 0 }

    /// How many bytes fit without a new allocation.
    package var capacity: Int { max(0, storage.count - headroom) }

    /// The bytes appended so far. Valid until the next append or removal.
    package var bytes: UnsafeMutableRawBufferPointer {
        isEmpty
            ? UnsafeMutableRawBufferPointer(start: nil, count: 0)
            : UnsafeMutableRawBufferPointer(rebasing: storage[headroom..<(headroom + count)])
    }

    package func append(contentsOf bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        appendUninitialized(bytes.count).copyMemory(from: source, byteCount: bytes.count)
    }

    package func removeAll(keepingCapacity: Bool = true) {
        count = 0
        if !keepingCapacity {
            storage.deallocate()
            storage = Self.allocate(headroom: headroom, capacity: 0)
        }
    }

    /// Takes back what ``appendUninitialized(_:)`` gave too much of.
    func removeLast(_ byteCount: Int) {
        count -= byteCount
    }

    /// Makes the buffer `byteCount` longer and returns where the new bytes start. The caller fills in all of them.
    func appendUninitialized(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let start = headroom + count
        if start + byteCount > storage.count { grow(toHold: count + byteCount) }
        count += byteCount
        // The storage is not empty here: `byteCount` is positive.
        return storage.baseAddress.unsafelyUnwrapped + start
    }

    private func grow(toHold byteCount: Int) {
        let larger = Self.allocate(
            headroom: headroom, capacity: max(byteCount, capacity * 2, Self.smallestCapacity))
        if count > 0 {
            (larger.baseAddress.unsafelyUnwrapped + headroom)
                .copyMemory(from: storage.baseAddress.unsafelyUnwrapped + headroom, byteCount: count)
        }
        storage.deallocate()
        storage = larger
    }

    private static func allocate(headroom: Int, capacity: Int) -> UnsafeMutableRawBufferPointer {
        capacity == 0
            ? UnsafeMutableRawBufferPointer(start: nil, count: 0)
            : .allocate(byteCount: headroom + capacity, alignment: 16)
    }
}

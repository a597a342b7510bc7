/// Bytes on their way to the peer, in memory of their own.
///
/// One side appends frames, then hands the whole buffer over to the side that writes it out; both never use it at the
/// same time, and the buffer does not check that.
package final class FrameBuffer {
    private static let smallestCapacity = 256
    /// Room for small frames on their way together.
    package static let gatheringCapacity = 64 << 10

    private struct State {
        var used = 0
        var storage: UnsafeMutableRawBufferPointer
    }

    /// In properties of the class, each access would be checked for others at the same time.
    private let state: UnsafeMutablePointer<State>

    package init(minimumCapacity: Int = 0) {
        state = .allocate(capacity: 1)
        state.initialize(to: State(storage: Self.allocate(capacity: minimumCapacity)))
    }

    deinit {
        state.pointee.storage.deallocate()
        state.deallocate()
    }

    package var count: Int { state.pointee.used }
    package var isEmpty: Bool { count == 0 }

    /// The number of bytes that fit without a new allocation.
    package var capacity: Int { state.pointee.storage.count }

    /// The bytes appended so far. Valid until the next append or removal.
    package var bytes: UnsafeMutableRawBufferPointer {
        isEmpty
            ? UnsafeMutableRawBufferPointer(start: nil, count: 0)
            : UnsafeMutableRawBufferPointer(rebasing: state.pointee.storage[..<count])
    }

    package func append(contentsOf bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        appendUninitialized(bytes.count).copyMemory(from: source, byteCount: bytes.count)
    }

    package func removeAll(keepingCapacity: Bool = true) {
        state.pointee.used = 0
        if !keepingCapacity {
            state.pointee.storage.deallocate()
            state.pointee.storage = Self.allocate(capacity: 0)
        }
    }

    /// Takes back what ``appendUninitialized(_:)`` gave too much of.
    func removeLast(_ byteCount: Int) {
        state.pointee.used -= byteCount
    }

    /// Makes the buffer `byteCount` longer and returns where the new bytes start. The caller fills in all of them.
    func appendUninitialized(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let start = state.pointee.used
        if start + byteCount > state.pointee.storage.count { grow(toHold: start + byteCount) }
        state.pointee.used = start + byteCount
        // The storage is not empty here: `byteCount` is positive.
        return state.pointee.storage.baseAddress.unsafelyUnwrapped + start
    }

    private func grow(toHold byteCount: Int) {
        // In large steps at first, which copy less, and never beyond what many small frames are gathered in.
        let next = capacity < Self.gatheringCapacity ? min(capacity * 4, Self.gatheringCapacity) : capacity * 2
        let larger = Self.allocate(capacity: max(byteCount, next, Self.smallestCapacity))
        larger.copyMemory(from: UnsafeRawBufferPointer(bytes))
        state.pointee.storage.deallocate()
        state.pointee.storage = larger
    }

    private static func allocate(capacity: Int) -> UnsafeMutableRawBufferPointer {
        capacity == 0
            ? UnsafeMutableRawBufferPointer(start: nil, count: 0)
            : .allocate(byteCount: capacity, alignment: 16)
    }
}

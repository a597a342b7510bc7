import Testing
import WebSocketProtocol

@testable import LibWebSockets

@Suite struct FrameBufferPoolTests {
    @Test("What was given is taken again, emptied; what is too small or twice too large is not")
    func reuse() {
        let pool = FrameBufferPool()
        let buffer = pool.take()
        #expect(buffer.capacity == 64 << 10)
        [UInt8](repeating: 1, count: 100).withUnsafeBytes { buffer.append(contentsOf: $0) }
        pool.give(buffer)
        #expect(pool.take(minimumCapacity: 100_000) !== buffer)
        #expect(pool.take() === buffer)
        #expect(buffer.isEmpty)
        #expect(pool.take() !== buffer, "it has one user")
        let large = pool.take(minimumCapacity: 1 << 20)
        pool.give(large)
        #expect(pool.take() !== large)
        #expect(pool.take(minimumCapacity: 600_000) === large)
    }

    @Test("Messages of about the same size share buffers")
    func rounding() {
        let pool = FrameBufferPool()
        let buffer = pool.take(minimumCapacity: 65_550)
        pool.give(buffer)
        #expect(pool.take(minimumCapacity: 66_000) === buffer)
    }

    @Test("No more is kept than the limit, and the oldest goes first; a small buffer is not kept at all")
    func limit() {
        let pool = FrameBufferPool()
        weak var first: FrameBuffer?
        weak var last: FrameBuffer?
        do {
            let buffers = (0..<100).map { _ in FrameBuffer(minimumCapacity: 64 << 10) }
            for buffer in buffers { pool.give(buffer) }
            (first, last) = (buffers.first, buffers.last)
            pool.give(FrameBuffer(minimumCapacity: 1_024))
            pool.give(FrameBuffer(minimumCapacity: FrameBufferPool.limit + 1))
        }
        #expect(first == nil)
        #expect(last != nil)
        #expect(pool.keptByteCount == FrameBufferPool.limit)
    }
}

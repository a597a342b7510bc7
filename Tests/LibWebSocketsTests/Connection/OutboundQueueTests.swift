import Testing
import WebSocketProtocol

@testable import LibWebSockets
@testable import WebSocketTesting

@Suite struct OutboundQueueTests {
    private typealias Fixture = OutboundQueueFixture

    @Test("An empty queue has nothing to take")
    func empty() {
        let queue = Fixture()
        #expect(queue.isEmpty)
        #expect(queue.byteCount == 0)
        #expect(queue.unsentMessageCount == 0)
        #expect(queue.takeSegment() == nil)
        #expect(!queue.endsWhenEmpty)
    }

    @Test("Small messages leave together, in their order", arguments: [Role.client, .server])
    func gathering(role: Role) throws {
        let queue = Fixture(role)
        let sent = (0..<100).map { "message \($0)" }
        for text in sent { try queue.append(.text, payload: text) }
        #expect(queue.unsentMessageCount == 100)
        #expect(queue.sentMessageCount == 100)
        let segment = queue.takeSegment()
        #expect(segment?.messageCount == 100)
        #expect(try Fixture.texts(of: segment) == sent)
        #expect(try Fixture.frames(of: segment).allSatisfy { ($0.maskKey != nil) == (role == .client) })
        #expect(queue.isEmpty)
        #expect(queue.unsentMessageCount == 0)
        #expect(queue.sentMessageCount == 100)
    }

    @Test("A segment takes what fits into 64 KiB; a frame is never cut at that boundary")
    func segmentBoundary() throws {
        let queue = Fixture()
        let payload = String(repeating: "x", count: 1_000)
        for _ in 0..<200 { try queue.append(.text, payload: payload) }
        var counts: [Int] = []
        while let segment = queue.takeSegment() {
            #expect(try Fixture.texts(of: segment).allSatisfy { $0 == payload })
            #expect(segment.frames.count <= 65_536)
            #expect(segment.frames.capacity <= 65_536)
            counts.append(segment.messageCount)
        }
        // 66 frames of 1,004 bytes would have more than 65,536.
        #expect(counts == [65, 65, 65, 5])
    }

    @Test("A large message is one segment together with what gathered before it")
    func largeMessage() throws {
        let queue = Fixture()
        try queue.append(.text, payload: "before")
        try queue.append(.binary, payload: [UInt8](repeating: 7, count: 3 << 20))
        try queue.append(.text, payload: "after")
        #expect(try Fixture.frames(of: queue.takeSegment()).map(\.payload.count) == [6, 3 << 20])
        #expect(try Fixture.texts(of: queue.takeSegment()) == ["after"])
        #expect(queue.takeSegment() == nil)
    }

    @Test("A message of several fragments counts when its last one is added")
    func fragments() throws {
        let queue = Fixture()
        try queue.append(.text, payload: "a", fin: false)
        #expect(queue.unsentMessageCount == 0)
        try queue.append(.continuation, payload: "b", fin: false)
        #expect(queue.unsentMessageCount == 0)
        try queue.append(.continuation, payload: "c", fin: true)
        #expect(queue.unsentMessageCount == 1)
        #expect(queue.sentMessageCount == 1)
        #expect(try Fixture.frames(of: queue.takeSegment()).map(\.isFinal) == [false, false, true])
    }

    @Test("Bytes are counted from adding to taking, control frames included")
    func byteCount() throws {
        let queue = Fixture(.client)
        try queue.append(.text, payload: "12345")
        #expect(queue.byteCount == 2 + 4 + 5)
        try queue.appendPing([1, 2, 3])
        #expect(queue.byteCount == 11 + 9)
        _ = queue.takeSegment()
        #expect(queue.byteCount == 11)
        _ = queue.takeSegment()
        #expect(queue.byteCount == 0)
    }

    @Test("Payload bytes of messages are counted, those of control frames are not")
    func sentByteCount() throws {
        let queue = Fixture(.client)
        try queue.append(.text, payload: "12345", fin: false)
        try queue.append(.continuation, payload: "678")
        try queue.appendPing([1, 2, 3])
        try queue.close(CloseFrame(code: .normalClosure, reason: "bye"))
        #expect(queue.sentByteCount == 8)
        #expect(queue.sentMessageCount == 1)
    }

    @Test("Discarding leaves nothing to take and no bytes counted")
    func discard() throws {
        let queue = Fixture()
        try queue.append(.text, payload: "lost")
        try queue.appendPing([])
        queue.discard()
        #expect(queue.isEmpty)
        #expect(queue.byteCount == 0)
        #expect(queue.takeSegment() == nil)
        try queue.append(.text, payload: "next")
        #expect(try Fixture.texts(of: queue.takeSegment()) == ["next"])
    }

    @Test("A buffer that comes back is used again, and never shows what it held before")
    func recycling() throws {
        let queue = Fixture()
        try queue.append(.text, payload: "a long first message")
        let first = try #require(queue.takeSegment()?.frames)
        queue.recycle(first)
        try queue.append(.text, payload: "x")
        let second = try #require(queue.takeSegment())
        #expect(second.frames === first)
        #expect(try Fixture.texts(of: second) == ["x"])
    }

    @Test("A large buffer goes to the pool, whose next user gets it, and a connection keeps none")
    func largeBuffer() throws {
        let pool = FrameBufferPool()
        let (queue, other) = (Fixture(pool: pool), Fixture(pool: pool))
        let payload = [UInt8](repeating: 7, count: 100_000)
        try queue.append(.binary, payload: payload)
        let large = try #require(queue.takeSegment()?.frames)
        queue.recycle(large)
        try queue.append(.binary, payload: [1])
        let small = try #require(queue.takeSegment()?.frames)
        #expect(small.capacity <= 4_096)
        try other.append(.binary, payload: payload)
        let next = try #require(other.takeSegment())
        #expect(next.frames === large)
        #expect(try Fixture.frames(of: next).map(\.payload) == [payload])
    }

    @Test("A segment that grows beyond a small buffer goes on in one of the pool, with all its frames")
    func growingSegment() throws {
        let pool = FrameBufferPool()
        let queue = Fixture(.client, pool: pool)
        let sent = (0..<100).map { "\($0) " + String(repeating: "x", count: 300) }
        for text in sent { try queue.append(.text, payload: text) }
        let segment = try #require(queue.takeSegment())
        #expect(try Fixture.texts(of: segment) == sent)
        #expect(segment.messageCount == 100)
        #expect(segment.frames.capacity == FrameBuffer.gatheringCapacity)
    }

    @Test("Without a mask a client sends nothing, and nothing of the frame stays behind")
    func noEntropy() throws {
        let queue = Fixture(.client, random: .broken)
        let expected = RandomSourceFailure(description: "out of entropy")
        #expect(throws: expected) { try queue.append(.text, payload: "a") }
        #expect(throws: expected) { try queue.appendPing([]) }
        #expect(throws: expected) { try queue.enqueue(.sendClose(CloseFrame(code: .normalClosure))) }
        #expect(queue.isEmpty)
        #expect(queue.byteCount == 0)
        #expect(queue.unsentMessageCount == 0)
        #expect(queue.takeSegment() == nil)
    }
}

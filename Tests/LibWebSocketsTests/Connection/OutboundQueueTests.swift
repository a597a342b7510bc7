import Testing
import WebSocketProtocol

@testable import LibWebSockets
@testable import WebSocketTesting

@Suite struct OutboundQueueTests {
    /// A mask of zeros leaves payloads readable.
    private static let zeros = RandomByteSource { bytes in
        for index in bytes.indices { bytes[index] = 0 }
    }

    private static let broken = RandomByteSource { _ throws(RandomSourceFailure) in
        throw RandomSourceFailure(description: "out of entropy")
    }

    /// The queue in a class: the macros of Swift Testing want copies of what they look at, and a queue has none.
    private final class Fixture {
        private var queue: OutboundQueue

        init(_ role: Role = .server, random: RandomByteSource = zeros, pool: FrameBufferPool = FrameBufferPool()) {
            queue = OutboundQueue(role: role, random: random, pool: pool)
        }

        var isEmpty: Bool { queue.isEmpty }
        var byteCount: Int { queue.byteCount }
        var unsentMessageCount: Int { queue.unsentMessageCount }
        var sentMessageCount: Int { queue.sentMessageCount }
        var sentByteCount: Int { queue.sentByteCount }
        var endsWhenEmpty: Bool { queue.endsWhenEmpty }

        func append(_ opcode: Opcode, payload: String, fin: Bool = true) throws {
            try append(opcode, payload: Array(payload.utf8), fin: fin)
        }

        func append(_ opcode: Opcode, payload: [UInt8], fin: Bool = true) throws {
            try payload.withUnsafeBytes { try queue.append(opcode, payload: $0, fin: fin) }
        }

        func appendPing(_ payload: [UInt8]) throws { try queue.appendPing(payload) }
        func appendPong(_ payload: [UInt8]) throws { try queue.appendPong(payload) }

        func close(_ frame: CloseFrame) throws { try queue.enqueue(queue.machine.close(frame)) }
        func enqueue(_ action: ConnectionStateMachine.Action) throws { try queue.enqueue(action) }
        func takeSegment() -> OutboundQueue.Segment? { queue.takeSegment() }
        func recycle(_ frames: FrameBuffer) { queue.recycle(frames) }
        func discard() { queue.discard() }
    }

    /// A segment as its frames.
    private func frames(_ segment: OutboundQueue.Segment?) throws -> [FaultServer.Frame] {
        let segment = try #require(segment)
        let bytes = Array(segment.frames.bytes)
        var frames: [FaultServer.Frame] = []
        var offset = 0
        while offset < bytes.count {
            let (frame, length) = try #require(FaultServer.Frame.parse(bytes, at: offset), "a frame spans two segments")
            frames.append(frame)
            offset += length
        }
        return frames
    }

    private func texts(_ segment: OutboundQueue.Segment?) throws -> [String] {
        try frames(segment).map { String(decoding: $0.payload, as: UTF8.self) }
    }

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
        #expect(try texts(segment) == sent)
        #expect(try frames(segment).allSatisfy { ($0.maskKey != nil) == (role == .client) })
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
            #expect(try texts(segment).allSatisfy { $0 == payload })
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
        #expect(try frames(queue.takeSegment()).map(\.payload.count) == [6, 3 << 20])
        #expect(try texts(queue.takeSegment()) == ["after"])
        #expect(queue.takeSegment() == nil)
    }

    @Test("Control frames go ahead of all data, in their own order")
    func controlFirst() throws {
        let queue = Fixture()
        try queue.append(.text, payload: "first")
        try queue.appendPing([1])
        try queue.append(.text, payload: "second")
        try queue.appendPong([2])
        let control = queue.takeSegment()
        #expect(control?.messageCount == 0)
        #expect(try frames(control) == [.ping([1]), .pong([2])])
        #expect(try texts(queue.takeSegment()) == ["first", "second"])
        #expect(queue.isEmpty)
    }

    @Test("Control frames that come while segments are taken slip in between two of them")
    func controlBetweenSegments() throws {
        let queue = Fixture()
        for _ in 0..<3 { try queue.append(.binary, payload: [UInt8](repeating: 0, count: 64 << 10)) }
        #expect(try frames(queue.takeSegment()).map(\.opcode) == [0x2])
        try queue.appendPong([])
        #expect(try frames(queue.takeSegment()).map(\.opcode) == [0xA])
        #expect(try frames(queue.takeSegment()).map(\.opcode) == [0x2])
        #expect(try frames(queue.takeSegment()).map(\.opcode) == [0x2])
        #expect(queue.takeSegment() == nil)
    }

    @Test("A close frame goes behind every message, and counts as none")
    func closeLast() throws {
        let queue = Fixture()
        try queue.append(.text, payload: "first")
        try queue.close(CloseFrame(code: .goingAway, reason: "bye"))
        try queue.appendPong([])
        #expect(queue.unsentMessageCount == 1)
        #expect(queue.sentMessageCount == 1)
        #expect(!queue.endsWhenEmpty)
        #expect(try frames(queue.takeSegment()) == [.pong()])
        #expect(try frames(queue.takeSegment()) == [.text("first"), .close(1001, reason: "bye")])
    }

    @Test(
        "Only the actions that end the pipe make the queue end it",
        arguments: [
            (ConnectionStateMachine.Action.ignore, 0, false), (.waitForPeer, 0, false),
            (.sendClose(CloseFrame(code: .normalClosure)), 1, false),
            (.sendCloseThenEnd(CloseFrame(code: nil)), 1, true), (.endPipe, 0, true),
            (.finish(WebSocketClosure(initiator: .connectionLoss, sent: nil, received: nil)), 0, false),
            (.abort(WebSocketClosure(initiator: .local, sent: nil, received: nil)), 0, false),
        ])
    func actions(action: ConnectionStateMachine.Action, frameCount: Int, ends: Bool) throws {
        let queue = Fixture()
        try queue.enqueue(action)
        #expect(queue.endsWhenEmpty == ends)
        #expect(queue.isEmpty == (frameCount == 0))
        if let segment = queue.takeSegment() { #expect(try frames(segment).map(\.opcode) == [0x8]) }
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
        #expect(try frames(queue.takeSegment()).map(\.isFinal) == [false, false, true])
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

    @Test("A ping of our own is never left out, however many pongs wait")
    func pingBeyondTheLimit() throws {
        let queue = Fixture()
        for _ in 0..<10_000 { try queue.appendPong([UInt8](repeating: 1, count: 125)) }
        try queue.appendPing([7])
        #expect(try frames(queue.takeSegment()).last == .ping([7]))
    }

    @Test("A peer that pings and never reads costs 64 KiB: beyond that its latest ping is answered, and no other")
    func pongLimit() throws {
        let queue = Fixture()
        for number in 0..<10_000 {
            try queue.appendPong([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 125))
        }
        try queue.appendPong([7])
        #expect(queue.byteCount >= 64 << 10)
        #expect(queue.byteCount < (64 << 10) + 2 * 127)
        let first = try frames(queue.takeSegment())
        // 517 frames of 127 bytes are the first to reach 65,536.
        #expect(first.map(\.payload.first) == (0..<517).map { UInt8(truncatingIfNeeded: $0) })
        #expect(queue.byteCount == 3)
        try queue.appendPong([8])
        #expect(try frames(queue.takeSegment()) == [.pong([7]), .pong([8])])
        #expect(queue.isEmpty)
        #expect(queue.byteCount == 0)
    }

    @Test("Discarding drops the pong that waited behind too many others, too")
    func discardedPong() throws {
        let queue = Fixture()
        for _ in 0..<1_000 { try queue.appendPong([UInt8](repeating: 1, count: 125)) }
        queue.discard()
        #expect(queue.byteCount == 0)
        try queue.appendPing([2])
        #expect(try frames(queue.takeSegment()) == [.ping([2])])
        #expect(queue.isEmpty)
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
        #expect(try texts(queue.takeSegment()) == ["next"])
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
        #expect(try texts(second) == ["x"])
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
        #expect(try frames(next).map(\.payload) == [payload])
    }

    @Test("A segment that grows beyond a small buffer goes on in one of the pool, with all its frames")
    func growingSegment() throws {
        let pool = FrameBufferPool()
        let queue = Fixture(.client, pool: pool)
        let sent = (0..<100).map { "\($0) " + String(repeating: "x", count: 300) }
        for text in sent { try queue.append(.text, payload: text) }
        let segment = try #require(queue.takeSegment())
        #expect(try texts(segment) == sent)
        #expect(segment.messageCount == 100)
        #expect(segment.frames.capacity == FrameBuffer.gatheringCapacity)
    }

    @Test("Without a mask a client sends nothing, and nothing of the frame stays behind")
    func noEntropy() throws {
        let queue = Fixture(.client, random: Self.broken)
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

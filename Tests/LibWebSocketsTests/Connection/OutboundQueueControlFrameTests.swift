import Testing
import WebSocketProtocol

@testable import LibWebSockets
@testable import WebSocketTesting

@Suite struct OutboundQueueControlFrameTests {
    private typealias Fixture = OutboundQueueFixture

    @Test("Control frames go ahead of all data, in their own order")
    func controlFirst() throws {
        let queue = Fixture()
        try queue.append(.text, payload: "first")
        try queue.appendPing([1])
        try queue.append(.text, payload: "second")
        try queue.appendPong([2])
        let control = queue.takeSegment()
        #expect(control?.messageCount == 0)
        #expect(try Fixture.frames(of: control) == [.ping([1]), .pong([2])])
        #expect(try Fixture.texts(of: queue.takeSegment()) == ["first", "second"])
        #expect(queue.isEmpty)
    }

    @Test("Control frames that come while segments are taken slip in between two of them")
    func controlBetweenSegments() throws {
        let queue = Fixture()
        for _ in 0..<3 { try queue.append(.binary, payload: [UInt8](repeating: 0, count: 64 << 10)) }
        #expect(try Fixture.frames(of: queue.takeSegment()).map(\.opcode) == [0x2])
        try queue.appendPong([])
        #expect(try Fixture.frames(of: queue.takeSegment()).map(\.opcode) == [0xA])
        #expect(try Fixture.frames(of: queue.takeSegment()).map(\.opcode) == [0x2])
        #expect(try Fixture.frames(of: queue.takeSegment()).map(\.opcode) == [0x2])
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
        #expect(try Fixture.frames(of: queue.takeSegment()) == [.pong()])
        #expect(try Fixture.frames(of: queue.takeSegment()) == [.text("first"), .close(1001, reason: "bye")])
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
        if let segment = queue.takeSegment() { #expect(try Fixture.frames(of: segment).map(\.opcode) == [0x8]) }
    }

    @Test("A ping of our own is never left out, however many pongs wait")
    func pingBeyondTheLimit() throws {
        let queue = Fixture()
        for _ in 0..<10_000 { try queue.appendPong([UInt8](repeating: 1, count: 125)) }
        try queue.appendPing([7])
        #expect(try Fixture.frames(of: queue.takeSegment()).last == .ping([7]))
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
        let first = try Fixture.frames(of: queue.takeSegment())
        // 517 frames of 127 bytes are the first to reach 65,536.
        #expect(first.map(\.payload.first) == (0..<517).map { UInt8(truncatingIfNeeded: $0) })
        #expect(queue.byteCount == 3)
        try queue.appendPong([8])
        #expect(try Fixture.frames(of: queue.takeSegment()) == [.pong([7]), .pong([8])])
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
        #expect(try Fixture.frames(of: queue.takeSegment()) == [.ping([2])])
        #expect(queue.isEmpty)
    }
}

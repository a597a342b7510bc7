import Testing

@testable import WebSocketProtocol

@Suite struct ConnectionStateMachineTests {
    @Test func `a client that closes waits for the server's reply and then for the end of TCP`() {
        var machine = ConnectionStateMachine(role: .client)
        #expect(machine.opened() == .open)
        let bye = CloseFrame(code: .normalClosure, reason: "bye")
        #expect(machine.close(bye) == .sendClose(bye))
        let reply = CloseFrame(code: .normalClosure)
        #expect(machine.received(reply) == .waitForPeer)
        let closure = WebSocketClosure(initiator: .local, sent: bye, received: reply)
        #expect(machine.transportEnded(.endOfStream) == .finish(closure))
        #expect(machine.state == .closed(closure, .closeHandshake))
    }
}

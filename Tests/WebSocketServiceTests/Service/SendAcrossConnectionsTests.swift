import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("Messages when connections come and go", .timeLimit(.minutes(10))) struct SendAcrossConnectionsTests {
    @Test("What a lost connection did not take goes out on the next one, in order and once")
    func whatALostConnectionDidNotTakeGoesOutOnTheNextInOrder() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        await fixture.untilDirect()
        #expect(try await fixture.service.send("taken") == .sent)
        peer.holdSends()
        let held = Task { try await fixture.service.send("first") }
        await until { peer.heldSendCount == 1 }
        peer.abort()
        #expect(try await held.value == .queued)
        try await fixture.events.next { $0.hasPrefix("waiting") }
        #expect(try await fixture.service.send("second") == .queued)
        fixture.clock.advance(by: .seconds(1))
        let next = try await fixture.transport.nextConnection()
        #expect(try await [next.nextSent(), next.nextSent()] == [.text("first"), .text("second")])
        #expect(peer.sent == [.text("taken")], "and nothing twice")
        await fixture.service.stop()
    }

    @Test("A drain that is cut off continues on the next connection")
    func aDrainThatIsCutOffContinuesOnTheNextConnection() async throws {
        let fixture = Fixture()
        for text in ["a", "b", "c"] { try await fixture.service.send(text) }
        let transport = fixture.transport
        let hold = fixture.service.onOpen { _ in try await transport.nextConnection().holdSends() }
        try await fixture.service.start(waitingForOpen: true)
        await until { transport.connections[0].heldSendCount == 1 }
        hold.cancel()
        transport.connections[0].abort()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        fixture.clock.advance(by: .seconds(1))
        let next = try await transport.nextConnection()
        #expect(try await [next.nextSent(), next.nextSent(), next.nextSent()].compactMap(\.text) == ["a", "b", "c"])
        #expect(transport.connections[0].sent.isEmpty)
        await fixture.service.stop()
    }

    @Test("stop() returns what a held drain did not send") func stopReturnsWhatAHeldDrainDidNotSend() async throws {
        let fixture = Fixture()
        for text in ["a", "b"] { try await fixture.service.send(text) }
        let transport = fixture.transport
        fixture.service.onOpen { _ in try await transport.nextConnection().holdSends() }
        try await fixture.service.start(waitingForOpen: true)
        await until { transport.connections[0].heldSendCount == 1 }
        #expect(await fixture.service.stop() == [.text("a"), .text("b")])
        #expect(transport.connections[0].sent.isEmpty)
    }

    /// As it may be asked to by a message that expired in the very moment of the stop.
    @Test("A service that stops does not wait for messages to expire")
    func aServiceThatStopsDoesNotWaitForExpiry() async throws {
        let fixture = Fixture(queue: QueuePolicy(timeToLive: .seconds(30)))
        for text in ["a", "b"] { try await fixture.service.send(text) }
        let transport = fixture.transport
        fixture.service.onOpen { _ in try await transport.nextConnection().holdSends() }
        try await fixture.service.start(waitingForOpen: true)
        await until { transport.connections[0].heldSendCount == 1 }
        transport.connections[0].answerClose(false)
        async let unsent = fixture.service.stop()
        await until { fixture.service.state == .closing }
        // A change of the outbox would schedule it again.
        fixture.service.outbox.change { _, _ in }
        #expect(fixture.service.outbox.state.withLock { $0.expiry == nil })
        transport.connections[0].abort()
        #expect(await unsent == [.text("a"), .text("b")])
        #expect(fixture.clock.sleeperCount == 0)
    }

    @Test("Messages expire while the service is down") func messagesExpireWhileTheServiceIsDown() async throws {
        let fixture = Fixture(queue: QueuePolicy(timeToLive: .seconds(30)))
        try await fixture.service.send("a")
        try await fixture.service.send("b", delivery: .expiring(after: .seconds(5)))
        try await fixture.clock.waitForSleepers()
        fixture.clock.advance(by: .seconds(5))
        #expect(try await fixture.events.next() == "dropped b expired")
        try await fixture.clock.waitForSleepers()
        fixture.clock.advance(by: .seconds(25))
        #expect(try await fixture.events.next() == "dropped a expired")
        #expect(await fixture.service.stop() == [])
    }

    @Test("A send that learns first of a close frame with an error code goes out on the next connection")
    func aSendThatLearnsOfTheEndFirst() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let (service, transport) = (fixture.service, fixture.transport)
        let peer = try await fixture.open()
        try await executor.untilQuiet()
        let closure = WebSocketClosure(
            initiator: .remote, sent: CloseFrame(code: .internalError), received: CloseFrame(code: .internalError))
        peer.rejectSends(
            with: WebSocketError(
                .closedWithError, stage: .closing, message: "the peer closed the connection with 1011",
                closure: closure))
        #expect(peer.closure == nil, "its own close frame is not out yet")
        #expect(try await service.send("a") == .queued)
        #expect(try await service.send("b") == .queued)
        peer.close(code: .internalError)
        try await executor.untilQuiet()
        fixture.clock.advance(by: .seconds(1))
        try await executor.untilQuiet()
        #expect(transport.connections.last?.sent == [.text("a"), .text("b")])
        await service.stop()
    }
}

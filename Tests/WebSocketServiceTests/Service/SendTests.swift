import Testing
import WebSocketTesting

@testable import WebSocketService

/// The table in the documentation of `SocketService.State`.
@Suite("Sending in each state", .timeLimit(.minutes(10))) struct SendTests {
    private func outcomes(_ service: SocketService) async throws -> [SendOutcome] {
        try await [service.send("queued"), service.send("volatile", delivery: .volatile)]
    }

    @Test("An idle service queues a message, and drops a volatile one") func idle() async throws {
        let fixture = Fixture()
        #expect(try await outcomes(fixture.service) == [.queued, .dropped(.notConnected)])
        #expect(await fixture.service.stop() == [.text("queued")])
    }

    @Test("A connecting service queues a message, and drops a volatile one") func connecting() async throws {
        let fixture = Fixture([.hang])
        try await fixture.service.start()
        _ = try await fixture.transport.nextRequest()
        #expect(fixture.service.state == .connecting)
        #expect(try await outcomes(fixture.service) == [.queued, .dropped(.notConnected)])
        #expect(await fixture.service.stop() == [.text("queued")])
    }

    @Test("While onOpen runs, its own messages are sent, and others are queued or dropped")
    func openWhileOnOpenHandlersRun() async throws {
        let fixture = Fixture()
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        let inside = Recorder<SendOutcome>()
        fixture.service.onOpen { _ in
            for outcome in try await outcomes(fixture.service) { inside.add(outcome) }
            entered.succeed()
            try await proceed.value()
        }
        let peer = try await fixture.open()
        try await entered.value()
        #expect(inside.all == [.sent, .sent], "the handler's own messages go first")
        #expect(try await outcomes(fixture.service) == [.queued, .dropped(.notConnected)])
        #expect(peer.sent == [.text("queued"), .text("volatile")])
        proceed.succeed()
        await until { peer.sent.count == 3 }
        #expect(await fixture.service.stop() == [])
    }

    @Test("While the queue drains, a message is queued behind it, and a volatile one dropped")
    func openWhileTheQueueDrains() async throws {
        let fixture = Fixture()
        try await fixture.service.send("first")
        let transport = fixture.transport
        fixture.service.onOpen { _ in try await transport.nextConnection().holdSends() }
        try await fixture.service.start(waitingForOpen: true)
        await until { transport.connections[0].heldSendCount == 1 }
        #expect(try await outcomes(fixture.service) == [.queued, .dropped(.notConnected)])
        transport.connections[0].releaseSends()
        await fixture.untilDirect()
        #expect(transport.connections[0].sent == [.text("first"), .text("queued")])
        await fixture.service.stop()
    }

    @Test("An open service sends both kinds at once") func open() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        await fixture.untilDirect()
        #expect(try await outcomes(fixture.service) == [.sent, .sent])
        #expect(peer.sent == [.text("queued"), .text("volatile")])
        await fixture.service.stop()
    }

    @Test("While stop() closes, every message is dropped") func closingByStop() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        peer.answerClose(false)
        async let unsent = fixture.service.stop()
        await until { fixture.service.state == .closing }
        #expect(try await outcomes(fixture.service) == [.dropped(.closed), .dropped(.closed)])
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        #expect(await unsent == [])
        #expect(peer.wasAborted)
    }

    @Test("While pause() closes, a message is queued, and a volatile one dropped") func closingByPause() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        peer.answerClose(false)
        async let paused: Void = fixture.service.pause()
        await until { fixture.service.state == .closing }
        #expect(try await outcomes(fixture.service) == [.queued, .dropped(.notConnected)])
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        await paused
        #expect(fixture.service.state == .idle)
        #expect(await fixture.service.stop() == [.text("queued")])
    }

    @Test("A reconnecting service queues a message, and drops a volatile one") func reconnecting() async throws {
        let fixture = Fixture(afterwards: .connectionRefused)
        try await fixture.service.start()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        #expect(fixture.service.state == .reconnecting)
        #expect(try await outcomes(fixture.service) == [.queued, .dropped(.notConnected)])
        #expect(await fixture.service.stop() == [.text("queued")])
    }

    @Test("A service that gave up or was stopped drops every message, and keeps what was queued before")
    func closedByGivingUpAndByStop() async throws {
        let fixture = Fixture(afterwards: .connectionRefused, reconnect: .never)
        try await fixture.service.send("before")
        try await fixture.service.start()
        try await fixture.events.next { $0.hasPrefix("gave up") }
        #expect(try await outcomes(fixture.service) == [.dropped(.closed), .dropped(.closed)])
        #expect(await fixture.service.stop() == [.text("before")], "giving up keeps what was queued for the app")
        #expect(try await outcomes(fixture.service) == [.dropped(.closed), .dropped(.closed)])
        #expect(fixture.service.statistics.messagesDropped == 4)
    }
}

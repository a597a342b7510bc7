import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

/// The table in the documentation of `SocketService.State`, and what happens to messages when connections come and go.
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

    // MARK: Back-pressure and overflow

    @Test("send() waits while the connection is above its high-water mark")
    func sendSuspendsAboveTheHighWaterMark() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.holdSends()
        let sending = Task { try await fixture.service.send("a") }
        await until { peer.heldSendCount == 1 }
        peer.releaseSends()
        #expect(try await sending.value == .sent)
        await fixture.service.stop()
    }

    @Test("Cancelling a send takes its message back") func cancellingASendTakesItsMessageBack() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.holdSends()
        let sending = Task { try await fixture.service.send("a") }
        await until { peer.heldSendCount == 1 }
        sending.cancel()
        await #expect(throws: CancellationError.self) { try await sending.value }
        peer.releaseSends()
        #expect(peer.sent.isEmpty)
        #expect(await fixture.service.stop() == [])
    }

    @Test("A message that the connection refuses is an error of the caller")
    func aMessageThatTheConnectionRefusesIsTheCallersError() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.rejectSends(with: WebSocketError(.messageTooBig, stage: .open, message: "too big"))
        await #expect { try await fixture.service.send("a") } throws: {
            ($0 as? WebSocketError)?.code == .messageTooBig
        }
        #expect(await fixture.service.stop() == [])
    }

    @Test("A queued message that the connection refuses is reported as dropped")
    func aQueuedMessageThatTheConnectionRefusesIsReported() async throws {
        let fixture = Fixture()
        let dropped = Recorder<String>()
        fixture.service.onDropped { dropped.add("\($0.text ?? "") \($1.rawValue)") }
        let transport = fixture.transport
        try await fixture.service.send("a")
        fixture.service.onOpen { _ in
            try await transport.nextConnection().rejectSends(
                with: WebSocketError(.messageTooBig, stage: .open, message: "too big"))
        }
        try await fixture.service.start()
        #expect(try await dropped.next() == "a rejected")
        await fixture.untilDirect()
        #expect(await fixture.service.stop() == [])
    }

    @Test("With the rule `fail`, a send to a full queue throws") func overflowRuleFailThrows() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1, overflow: .fail))
        #expect(try await fixture.service.send("a") == .queued)
        await #expect { try await fixture.service.send("b") } throws: {
            ($0 as? SocketServiceError)?.code == .queueFull
        }
        #expect(await fixture.service.stop() == [.text("a")])
    }

    @Test("A message dropped by a full queue is reported by hook, event and outcome")
    func overflowDropsAreReportedByHookEventAndOutcome() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1))
        let dropped = Recorder<String>()
        fixture.service.onDropped { dropped.add("\($0.text ?? "") \($1.rawValue)") }
        #expect(try await fixture.service.send("a") == .queued)
        #expect(try await fixture.service.send("b") == .queued)
        #expect(dropped.all == ["a queueFull"])
        #expect(try await fixture.events.next() == "dropped a queueFull")
        #expect(fixture.service.statistics.messagesDropped == 1)
        #expect(fixture.service.statistics.queuedMessages == 1)
        #expect(await fixture.service.stop() == [.text("b")])

        let newest = Fixture(queue: QueuePolicy(limit: 1, overflow: .dropNewest))
        #expect(try await newest.service.send("a") == .queued)
        #expect(try await newest.service.send("b") == .dropped(.queueFull))
        #expect(await newest.service.stop() == [.text("a")])
    }

    @Test("With the rule `suspend`, senders wait for room in order")
    func overflowRuleSuspendWaitsForRoomInOrder() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1, overflow: .suspend))
        #expect(try await fixture.service.send("a") == .queued)
        let waiting = Recorder<Task<SendOutcome, any Error>>()
        for (index, text) in ["b", "c"].enumerated() {
            waiting.add(Task { try await fixture.service.send(text) })
            await until { fixture.service.outbox.waiterCount == index + 1 }
        }
        let peer = try await fixture.open()
        await until { peer.sent.count == 3 }
        #expect(peer.sent == [.text("a"), .text("b"), .text("c")])
        for task in waiting.all { #expect(try await task.value == .queued) }
        await fixture.service.stop()
    }

    @Test("A suspended send ends with stop() and with cancellation")
    func aSuspendedSendEndsWithStopAndWithCancellation() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1, overflow: .suspend))
        try await fixture.service.send("a")
        let cancelled = Task { try await fixture.service.send("b") }
        await until { fixture.service.outbox.waiterCount == 1 }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let stopped = Task { try await fixture.service.send("c") }
        await until { fixture.service.outbox.waiterCount == 1 }
        #expect(await fixture.service.stop() == [.text("a")])
        #expect(try await stopped.value == .dropped(.closed))
    }

    @Test("An expired message makes room for a suspended send")
    func anExpiredMessageMakesRoomForASuspendedSend() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1, overflow: .suspend))
        try await fixture.service.send("a", delivery: .expiring(after: .seconds(5)))
        let waiting = Task { try await fixture.service.send("b") }
        await until { fixture.service.outbox.waiterCount == 1 }
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        #expect(try await waiting.value == .queued)
        #expect(try await fixture.events.next() == "dropped a expired")
        #expect(await fixture.service.stop() == [.text("b")])
    }

    @Test(
        "While the queue drains, a full queue makes senders wait, whatever the rule",
        arguments: QueuePolicy.Overflow.allCases)
    func whileTheQueueDrainsAFullQueueIsBackPressure(overflow: QueuePolicy.Overflow) async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 2, overflow: overflow))
        try await fixture.service.send("a")
        let transport = fixture.transport
        fixture.service.onOpen { _ in try await transport.nextConnection().holdSends() }
        try await fixture.service.start(waitingForOpen: true)
        await until { transport.connections[0].heldSendCount == 1 }
        #expect(try await fixture.service.send("b") == .queued)
        let waiting = Task { try await fixture.service.send("c") }
        await until { fixture.service.outbox.waiterCount == 1 }
        transport.connections[0].releaseSends()
        #expect(try await waiting.value == .queued)
        await fixture.untilDirect()
        #expect(transport.connections[0].sent.compactMap(\.text) == ["a", "b", "c"])
        #expect(fixture.service.statistics.messagesDropped == 0)
        await fixture.service.stop()
    }

    @Test(
        "When the connection is lost during a drain, the overflow rule decides about who waits",
        arguments: [
            (QueuePolicy.Overflow.dropOldest, "queued", ["b", "c"], ["a queueFull"]),
            (.dropNewest, "dropped", ["a", "b"], []),
            (.fail, "queueFull", ["a", "b"], []),
        ] as [(QueuePolicy.Overflow, String, [String], [String])])
    func whenTheConnectionIsLostMeanwhileTheRuleDecides(
        overflow: QueuePolicy.Overflow, outcome: String, unsent: [String], drops: [String]
    ) async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 2, overflow: overflow))
        let dropped = Recorder<String>()
        fixture.service.onDropped { dropped.add("\($0.text ?? "") \($1.rawValue)") }
        try await fixture.service.send("a")
        let transport = fixture.transport
        fixture.service.onOpen { _ in try await transport.nextConnection().holdSends() }
        try await fixture.service.start(waitingForOpen: true)
        await until { transport.connections[0].heldSendCount == 1 }
        #expect(try await fixture.service.send("b") == .queued)
        let waiting = Task { try await fixture.service.send("c") }
        await until { fixture.service.outbox.waiterCount == 1 }
        transport.connections[0].drop()
        let actual =
            switch await waiting.result {
            case .success(.queued): "queued"
            case .success(.dropped): "dropped"
            case .success(.sent): "sent"
            case .failure(let error): "\((error as? SocketServiceError)?.code.description ?? "\(error)")"
            }
        #expect(actual == outcome)
        #expect(await fixture.service.stop().compactMap(\.text) == unsent)
        #expect(dropped.all == drops)
        #expect(transport.connections[0].sent.isEmpty)
    }

    // MARK: Across connections

    @Test("What a lost connection did not take goes out on the next one, in order and once")
    func whatALostConnectionDidNotTakeGoesOutOnTheNextInOrder() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        await fixture.untilDirect()
        #expect(try await fixture.service.send("taken") == .sent)
        peer.holdSends()
        let held = Task { try await fixture.service.send("first") }
        await until { peer.heldSendCount == 1 }
        peer.drop()
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
        transport.connections[0].drop()
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
        transport.connections[0].drop()
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

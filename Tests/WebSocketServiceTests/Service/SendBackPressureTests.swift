import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("Back-pressure and overflow of the queue", .timeLimit(.minutes(10))) struct SendBackPressureTests {
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
        transport.connections[0].abort()
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
}

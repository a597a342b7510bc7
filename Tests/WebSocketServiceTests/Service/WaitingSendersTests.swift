import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

/// Senders that wait, above a connection's high-water mark or for room in the queue, by the clock that is injected.
@Suite("Senders that wait", .timeLimit(.minutes(10))) struct WaitingSendersTests {
    @Test("A volatile message goes out right after the start, as an empty queue is no phase", arguments: 0..<200)
    func volatileRightAfterTheStart(round: Int) async throws {
        let fixture = Fixture()
        try await fixture.service.start(waitingForOpen: true)
        #expect(try await fixture.service.send("now", delivery: .volatile) == .sent)
        await fixture.service.stop()
    }

    @Test("A volatile message goes out at once or not at all, also above the high-water mark")
    func volatileAboveTheHighWaterMark() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.holdSends()
        #expect(try await fixture.service.send("now", delivery: .volatile) == .dropped(.notConnected))
        peer.releaseSends()
        #expect(try await fixture.service.send("now", delivery: .volatile) == .sent)
        #expect(peer.sent == [.text("now")])
        #expect(fixture.service.statistics.messagesDropped == 1)
        await fixture.service.stop()
    }

    @Test("A time to live is kept above the high-water mark")
    func timeToLiveAboveTheHighWaterMark() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.holdSends()
        let sending = Task { try await fixture.service.send("x", delivery: .expiring(after: .seconds(5))) }
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        #expect(try await sending.value == .dropped(.expired))
        #expect(peer.heldSendCount == 0)
        peer.releaseSends()
        #expect(peer.sent.isEmpty)
        await fixture.service.stop()
    }

    @Test("A time to live is kept while waiting for room in the queue")
    func timeToLiveWhileWaitingForRoom() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1, overflow: .suspend))
        #expect(try await fixture.service.send("a") == .queued)
        let sending = Task { try await fixture.service.send("b", delivery: .expiring(after: .seconds(5))) }
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        #expect(try await sending.value == .dropped(.expired))
        #expect(await fixture.service.stop() == [.text("a")])
    }

    @Test("A time to live is kept by a message that is being drained")
    func timeToLiveWhileDraining() async throws {
        let fixture = Fixture()
        let transport = fixture.transport
        try await fixture.service.send("a", delivery: .expiring(after: .seconds(5)))
        try await fixture.service.send("b")
        fixture.service.onOpen { _ in try await transport.nextConnection().holdSends() }
        try await fixture.service.start(waitingForOpen: true)
        await until { transport.connections[0].heldSendCount == 1 }
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        try await fixture.events.next { $0 == "dropped a expired" }
        await until { transport.connections[0].heldSendCount == 1 }
        transport.connections[0].releaseSends()
        await fixture.untilDirect()
        #expect(transport.connections[0].sent == [.text("b")])
        await fixture.service.stop()
    }

    @Test("A cancelled sender leaves room for the smaller message behind it")
    func cancellingLeavesRoom() async throws {
        let fixture = Fixture(queue: QueuePolicy(byteLimit: 7_000, overflow: .suspend))
        let service = fixture.service
        let messages = [4_000, 5_000, 2_000].map { WebSocketMessage.binary(Array(repeating: 0, count: $0)) }
        #expect(try await service.send(messages[0]) == .queued)
        let large = Task { try await service.send(messages[1]) }
        await until { service.outbox.waiterCount == 1 }
        let small = Task { try await service.send(messages[2]) }
        await until { service.outbox.waiterCount == 2 }
        large.cancel()
        await #expect(throws: CancellationError.self) { try await large.value }
        #expect(try await small.value == .queued)
        #expect(await service.stop() == [messages[0], messages[2]])
    }

    @Test("A graceful shutdown gives its time to senders that wait for room")
    func shutdownWaitsForSenders() async throws {
        let fixture = Fixture([.connectionRefused], queue: QueuePolicy(limit: 1, overflow: .suspend))
        let service = fixture.service
        try await service.start()
        try await service.send("a")
        try await fixture.events.next { $0.hasPrefix("waiting") }
        let waiting = Task { try await service.send("b") }
        await until { service.outbox.waiterCount == 1 }
        let unsent = Task { await service.shutDown() }
        await until { service.outbox.flushCount == 1 }
        fixture.clock.advance(by: .seconds(1))
        #expect(await unsent.value == [])
        #expect(try await waiting.value == .queued)
        #expect(fixture.transport.connections[0].sent == [.text("a"), .text("b")])
    }

    @Test("A graceful shutdown gives its time to senders above the high-water mark")
    func shutdownWaitsForTheConnection() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.holdSends()
        let sending = Task { try await service.send("a") }
        await until { peer.heldSendCount == 1 }
        let unsent = Task { await service.shutDown() }
        await until { service.outbox.flushCount == 1 }
        peer.releaseSends()
        #expect(await unsent.value == [])
        #expect(try await sending.value == .sent)
    }

    @Test("A graceful shutdown gives its time to a sender whose connection is lost as it waits")
    func shutdownWaitsForTheNextConnection() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let (service, transport) = (fixture.service, fixture.transport)
        let peer = try await fixture.open()
        try await executor.untilQuiet()
        peer.holdSends()
        let sending = Task(executorPreference: executor) { try await service.send("a") }
        try await executor.untilQuiet()
        #expect(peer.heldSendCount == 1)
        let unsent = Task(executorPreference: executor) { await service.shutDown() }
        try await executor.untilQuiet()
        peer.abort()
        try await executor.untilQuiet()
        fixture.clock.advance(by: .seconds(1))
        #expect(await unsent.value == [])
        #expect(try await sending.value == .queued)
        #expect(transport.connections.last?.sent == [.text("a")])
    }

    @Test("A time to live is kept by each of many that wait, also where it is not the earliest")
    func manyTimesToLive() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(queue: QueuePolicy(limit: 1, overflow: .suspend), executor: executor)
        let (service, outcomes) = (fixture.service, Recorder<String>())
        try await service.send("fills the queue")
        for seconds in [5, 3, 8, 3] {
            Task(executorPreference: executor) {
                let outcome = try await service.send("x", delivery: .expiring(after: .seconds(seconds)))
                outcomes.add(outcome == .dropped(.expired) ? "\(seconds)" : "\(outcome)")
            }
            try await executor.untilQuiet()
        }
        for (second, count) in [(1, 0), (2, 0), (3, 2), (4, 2), (5, 3), (7, 3), (8, 4)] {
            fixture.clock.advance(to: ManualClock.Instant(sinceStart: .seconds(second)))
            try await executor.untilQuiet()
            #expect(outcomes.all.count == count, "at \(second) s")
        }
        #expect(outcomes.all == ["3", "3", "5", "8"])
        await service.stop()
    }
}

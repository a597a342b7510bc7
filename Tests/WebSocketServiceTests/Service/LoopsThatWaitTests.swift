import Testing
import WebSocketTesting

@testable import WebSocketService

/// The body of a loop, and what it starts, must not wait for what needs its return.
@Suite("Loops that wait", .timeLimit(.minutes(10))) struct LoopsThatWaitTests {
    private let executor = TestExecutor()

    /// Begins a loop whose body runs for each "go".
    private func loop(
        over service: SocketService, _ body: @escaping @Sendable () async -> Void
    ) async throws {
        Task(executorPreference: executor) {
            for await message in service.messages where message.text == "go" { await body() }
        }
        try await executor.untilQuiet()
    }

    /// A small inbox, and a loop whose body has a child make the call.
    private func loop(
        with call: ServiceCall
    ) async throws -> (fixture: Fixture, peer: ScriptedConnection, results: Recorder<String>) {
        let fixture = Fixture(executor: executor, configure: { $0.inboxLimit = 2 })
        let service = fixture.service
        let results = Recorder<String>()
        try await loop(over: service) {
            async let result = call.make(over: service)
            results.add(await result)
        }
        let peer = try await fixture.open()
        try await executor.untilQuiet()
        return (fixture, peer, results)
    }

    @Test(
        "A child of a loop's body does not wait for room that may come only after the body", arguments: [false, true])
    func aChildOfALoopBodyWaitsForRoom(inGroup: Bool) async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1, overflow: .suspend), executor: executor)
        let service = fixture.service
        let (results, opened, proceed) = (Recorder<String>(), Recorder<Bool>(), Completion<Void>())
        service.onOpen { opened.add($0.isReconnect) }
        try await loop(over: service) {
            // The test completes it.
            try? await proceed.value()
            if inGroup {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { results.add(await ServiceCall.send.make(over: service)) }
                }
            } else {
                async let result = ServiceCall.send.make(over: service)
                results.add(await result)
            }
        }
        let peer = try await fixture.open()
        peer.deliver("go", "the next one")
        try await executor.untilQuiet()
        peer.abort()
        try await executor.untilQuiet()
        #expect(try await service.send("fills the queue") == .queued)
        fixture.clock.advance(by: .seconds(1))
        try await executor.untilQuiet()
        #expect(opened.all == [false])
        proceed.succeed()
        try await executor.untilQuiet()
        #expect(results.all == ["queueFull"])
        #expect(opened.all == [false, true])
        await service.stop()
    }

    @Test("A child of a loop's body that waits for the peer does not keep it from being read")
    func aChildOfALoopBodyWaitsForThePeer() async throws {
        let (fixture, peer, results) = try await loop(with: .send)
        peer.holdSends()
        for text in ["go"] + Array(repeating: "busy", count: 10) { peer.deliver(text) }
        try await executor.untilQuiet()
        #expect(peer.unreadCount == 0)
        peer.releaseSends()
        try await executor.untilQuiet()
        #expect(results.all == ["sent"])
        await fixture.service.stop()
    }

    @Test("A request by a child of a loop's body is answered from behind a full inbox")
    func aChildOfALoopBodyAsks() async throws {
        let (fixture, peer, results) = try await loop(with: .request)
        peer.deliver("go")
        try await executor.untilQuiet()
        for text in Array(repeating: "busy", count: 10) { peer.deliver(text) }
        try await executor.untilQuiet()
        #expect(peer.unreadCount == 0)
        peer.deliver(#"{"id":"q"}"#)
        try await executor.untilQuiet()
        #expect(results.all == [#"{"id":"q"}"#])
        await fixture.service.stop()
    }

    @Test("While a loop waits for a message, everybody outside waits for room as ever")
    func aLoopThatHoldsNothing() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1, overflow: .suspend), executor: executor)
        let service = fixture.service
        try await loop(over: service) {}
        let peer = try await fixture.open()
        peer.deliver("go")
        try await executor.untilQuiet()
        peer.abort()
        try await executor.untilQuiet()
        try await service.send("fills the queue")
        let waiting = Task(executorPreference: executor) { await ServiceCall.send.make(over: service) }
        try await executor.untilQuiet()
        #expect(service.outbox.waiterCount == 1)
        fixture.clock.advance(by: .seconds(1))
        #expect(await waiting.value == "queued")
        await service.stop()
    }
}

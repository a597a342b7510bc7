import Synchronization
import Foundation
import Logging
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

#if ServiceLifecycleSupport
    import ServiceLifecycle
#endif

/// `run()`, `shutDown()` and `withSocketService()`: the ways in which a service ends that are more than `stop()`.
@Suite("run(), shutDown() and withSocketService()", .timeLimit(.minutes(10))) struct ShutdownTests {
    @Test("run() ends when the service is stopped") func runEndsWhenTheServiceIsStopped() async throws {
        let fixture = Fixture()
        let running = Task { try await fixture.service.run() }
        _ = try await fixture.transport.nextConnection()
        await fixture.service.stop()
        try await running.value
    }

    @Test("run() throws when the service gives up or cannot start")
    func runThrowsWhenTheServiceGivesUpOrCannotStart() async throws {
        let fixture = Fixture([.connectionRefused], reconnect: .never)
        await #expect { try await fixture.service.run() } throws: { ($0 as? SocketServiceError)?.code == .gaveUp }
        await fixture.service.stop()
        await #expect { try await fixture.service.run() } throws: { ($0 as? SocketServiceError)?.code == .stopped }
        let bad = Fixture(urls: ["nonsense"])
        await #expect(throws: WebSocketError.self) { try await bad.service.run() }
        #expect(bad.service.life.core.withLock { $0.endWaiters.isEmpty })
        await bad.service.stop()
    }

    @Test("Cancelling run() stops the service at once, and what was left is reported")
    func cancellingRunStopsTheServiceAtOnce() async throws {
        let fixture = Fixture()
        let (service, transport) = (fixture.service, fixture.transport)
        service.onOpen { _ in transport.connections[0].holdSends() }
        try await service.send("left")
        let running = Task { try await service.run() }
        let peer = try await transport.nextConnection()
        await until { peer.heldSendCount == 1 }
        running.cancel()
        try await running.value
        try await fixture.events.next { $0 == "dropped left closed" }
        #expect(fixture.service.state == .closed)
        #expect(peer.closure?.sent?.code == .goingAway)
    }

    #if ServiceLifecycleSupport
        @Test("A graceful shutdown sends what is queued, and closes with 1001")
        func aGracefulShutdownSendsWhatIsQueuedAndGoesAway() async throws {
            let fixture = Fixture([.connectionRefused])
            let service = fixture.service
            try await service.send("queued")
            let group = ServiceGroup(
                configuration: .init(services: [.init(service: service)], logger: .silent))
            let running = Task { try await group.run() }
            try await fixture.events.next { $0.hasPrefix("waiting") }
            await group.triggerGracefulShutdown()
            await until { service.outbox.flushCount == 1 }
            fixture.clock.advance(by: .seconds(1))
            let peer = try await fixture.transport.nextConnection()
            #expect(try await peer.nextSent() == .text("queued"))
            try await running.value
            #expect(peer.closure?.sent?.code == .goingAway)
        }
    #endif

    @Test("shutDown() gives up sending at its deadline") func shutDownGivesUpSendingAtItsDeadline() async throws {
        let fixture = Fixture(afterwards: .hang)
        try await fixture.service.start()
        try await fixture.service.send("kept")
        async let unsent = fixture.service.shutDown(within: .seconds(3))
        try await fixture.clock.advance(toSleeperIn: .seconds(3))
        #expect(await unsent == [.text("kept")])
    }

    @Test("shutDown() with nothing to send waits for nothing")
    func shutDownWithNothingToSendWaitsForNothing() async throws {
        for outcome in [ScriptedTransport.Outcome.open(), .hang, .connectionRefused] {
            let fixture = Fixture(afterwards: outcome)
            try await fixture.service.start()
            #expect(await fixture.service.shutDown() == [])
            #expect(fixture.service.state == .closed)
        }
    }

    @Test("withSocketService() sends what is queued before it returns, and stops at once when its closure throws")
    func aServiceForTheTimeOfAClosure() async throws {
        let fixture = Fixture()
        let outcome = try await withSocketService(fixture.service) { try await $0.send("queued") }
        #expect(outcome == .queued)
        #expect(fixture.transport.connections.first?.sent == [.text("queued")], "sent before the end")
        #expect(fixture.service.state == .closed)

        struct Failure: Error {}
        let failing = Fixture([.hang])
        let dropped = Recorder<String>()
        failing.service.onDropped { dropped.add("\($0.text ?? "") \($1.rawValue)") }
        await #expect(throws: Failure.self) {
            try await withSocketService(failing.service) { service in
                try await service.send("never")
                throw Failure()
            }
        }
        #expect(failing.service.state == .closed)
        #expect(dropped.all == ["never closed"], "nobody gets what was left, so it is reported")
    }

    @Test("stop() waits for who is still telling of a dropped message")
    func stopWaitsForWhoeverIsTellingOfADrop() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1))
        let service = fixture.service
        let telling = Completion<Void>()
        let proceed = Lock(false)
        service.onDropped { _, _ in
            telling.succeed()
            while !proceed.withLock({ $0 }) { usleep(100) }
        }
        try await service.send("first")
        let sending = Task { try await service.send("second") }
        try await telling.value()
        let stopping = Task { await service.stop() }
        await until { service.outbox.state.withLock { !$0.reportWaiters.isEmpty } }
        #expect(!fixture.events.all.contains { $0.hasPrefix("stopped") })
        proceed.withLock { $0 = true }
        #expect(await stopping.value == [.text("second")])
        #expect(try await sending.value == .queued)
        try await fixture.events.next { $0 == "end of events" }
        #expect(fixture.events.all == ["dropped first queueFull", "stopped 0", "end of events"])
    }

    /// Removing a handler lets go of what it holds, which may use the service as it goes.
    @Test("The owner of a handler may cancel its registration as it goes")
    func aHandlersOwnerMayCancelItsRegistrationAsItGoes() async throws {
        final class Owner: Sendable {
            let registration = Lock<Registration?>(nil)
            deinit { registration.withLock { $0?.cancel() } }
        }
        let fixture = Fixture()
        for remove: (SocketService) async -> Void in [{ $0.unregister("x") }, { await $0.stop() }] {
            weak var owner: Owner?
            do {
                let strong = Owner()
                owner = strong
                let registration = fixture.service.register("x") { _ in _ = strong }
                strong.registration.withLock { $0 = registration }
            }
            #expect(owner != nil)
            await remove(fixture.service)
            await until { owner == nil }
        }
    }

    @Test(
        "Whoever listens to a service that is let go of is told that it is over",
        arguments: ["never started", "paused", "gave up"])
    func lettingGo(state: String) async throws {
        let executor = TestExecutor()
        var options = SocketService.Options(clock: ManualClock(), logger: .silent, taskExecutor: executor)
        options.name = "let go"
        let transport = ScriptedTransport(state == "gave up" ? [.connectionRefused] : [])
        let handled = Recorder<String>()
        var service: SocketService? = SocketService(
            "wss://feed/", transport: transport, reconnect: .never, options: options)
        service?.onMessage { handled.add($0.text ?? "") }
        weak let gone = service
        let events = try #require(service).events
        let telling = Task(executorPreference: executor) {
            await events.reduce(into: [String]()) { $0.append($1.summary) }
        }
        switch state {
        case "paused":
            try await service?.start(waitingForOpen: true)
            try await transport.nextConnection().deliver("a")
            try await executor.untilQuiet()
            await service?.pause()
        case "gave up":
            try await service?.start()
            try await executor.untilQuiet()
        default: break
        }
        try await service?.send("never sent")
        service = nil
        try await executor.untilQuiet()
        #expect(gone == nil)
        let told = await telling.value
        #expect(told.last == "stopped 0")
        if state == "paused" { #expect(handled.all == ["a"]) }
    }
}

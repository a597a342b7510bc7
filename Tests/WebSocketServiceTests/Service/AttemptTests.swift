import Synchronization
import Dispatch
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

/// The app's closures that are part of an attempt, which may have been left behind, be too late or turn against it.
@Suite("Attempts and their closures", .timeLimit(.minutes(10))) struct AttemptTests {
    private let executor = TestExecutor()
    private let clock = ManualClock()
    private let transport = ScriptedTransport()

    private func service(
        heartbeat: HeartbeatPolicy = .off, _ request: @escaping @Sendable (AttemptContext) async throws -> Void
    ) -> SocketService {
        SocketService(
            transport: transport, reconnect: .fixed(.seconds(1)), heartbeat: heartbeat,
            options: SocketService.Options(clock: clock, logger: .silent, taskExecutor: executor)
        ) { attempt in
            try await request(attempt)
            return ConnectRequest(url: "wss://feed/")
        }
    }

    @Test("An attempt that was left behind before it began calls no closure of the app's")
    func leftBehind() async throws {
        let calls = Recorder<Int>()
        let service = service { calls.add($0.number) }
        // Nothing runs before the attempt has been left behind.
        let (blocked, unblock) = (Completion<Void>(), DispatchSemaphore(value: 0))
        Task(executorPreference: executor) {
            blocked.succeed()
            unblock.wait()
        }
        try await blocked.value()
        try await service.start()
        await service.pause()
        unblock.signal()
        try await executor.untilQuiet()
        #expect(calls.all.isEmpty)
        #expect(service.life.core.withLock { $0.heldUpAttempt } == nil)
        await service.stop()
    }

    @Test("An attempt whose closure ignores that it is too late is not made")
    func tooLate() async throws {
        let late = Completion<Void>()
        let service = service { [executor] attempt in
            guard attempt.number == 1 else { return }
            try await Task.detached(executorPreference: executor) { try await late.value() }.value
        }
        try await service.start()
        try await clock.advance(toSleeperIn: .seconds(30))
        try await executor.untilQuiet()
        #expect(service.state == .reconnecting)
        late.succeed()
        try await executor.untilQuiet()
        #expect(transport.requests.isEmpty)
        clock.advance(by: .seconds(1))
        try await executor.untilQuiet()
        #expect(transport.requests.count == 1)
        #expect(service.state == .open)
        await service.stop()
    }

    @Test("A task that a closure has started is not the closure: its reconnectNow() gets past one that hangs")
    func aTaskOfAClosure() async throws {
        let (calls, release) = (Recorder<Void>(), Completion<Void>())
        let reference = Reference()
        let service = service(heartbeat: .off) { [executor] _ in
            calls.add(())
            guard calls.all.count == 1 else { return }
            Task(executorPreference: executor) { reference.service.withLock { $0 }?.reconnectNow() }
            try? await release.value(onCancel: {})
        }
        reference.service.withLock { $0 = service }
        try await service.start()
        try await executor.untilQuiet()
        #expect(calls.all.count == 2)
        #expect(service.state == .open)
        release.succeed()
        await service.stop()
        reference.service.withLock { $0 = nil }
    }

    @Test(
        "Without any time an attempt fails, and the next may have some",
        arguments: [.zero, .seconds(-1), .seconds(Int64.min)] as [Duration])
    func noTime(limit: Duration) async throws {
        let fixture = Fixture([.hang], reconnect: .never, executor: executor) { $0.attemptTimeout = limit }
        try await fixture.service.start()
        try await executor.untilQuiet()
        #expect(fixture.events.all.contains { $0.hasPrefix("gave up") })
        #expect(fixture.clock.now.sinceStart == .zero)
        await fixture.service.stop()
    }

    private enum Closure: CaseIterable { case request, heartbeat }

    @Test("A closure that calls reconnectNow() does not overtake its own attempt", arguments: Closure.allCases)
    private func reconnectNow(closure: Closure) async throws {
        let calls = Recorder<Void>()
        let reference = Lock<SocketService?>(nil)
        @Sendable func reconnect() {
            calls.add(())
            // The test ends, whatever becomes of it.
            guard calls.all.count < 100 else { return }
            reference.withLock { $0 }?.reconnectNow()
        }
        let service = service(
            heartbeat: closure == .heartbeat
                ? .message(every: .seconds(60)) {
                    reconnect()
                    return .text("beat")
                } : .off
        ) { _ in if closure == .request { reconnect() } }
        reference.withLock { $0 = service }
        try await service.start(waitingForOpen: true)
        try await executor.untilQuiet()
        #expect(calls.all.count == 1)
        #expect(service.state == .open)
        await service.stop()
        // The service keeps its closures, which would keep the service by this reference.
        reference.withLock { $0 = nil }
    }
}

private final class Reference: Sendable {
    let service = Lock<SocketService?>(nil)
}

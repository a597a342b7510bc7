import Dispatch
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

/// The app's closures may hang.
@Suite("Closures of the app that hang", .timeLimit(.minutes(10))) struct HangingClosuresTests {
    /// Hangs, and ignores that it is cancelled.
    private func hang() async throws {
        let never = Completion<Void>()
        hung.add(never)
        try await Task.detached { try await never.value() }.value
    }
    private let hung = Recorder<Completion<Void>>()

    private func end() {
        for completion in hung.all { completion.succeed() }
    }

    private func service(
        _ transport: ScriptedTransport, _ clock: ManualClock, hangsFirst count: Int
    ) -> SocketService {
        SocketService(
            transport: transport, reconnect: .fixed(.seconds(1)), options: .init(clock: clock, logger: .silent),
            request: { attempt in
                if attempt.number <= count { try await hang() }
                return ConnectRequest(url: "wss://feed/?\(attempt.number)")
            })
    }

    @Test("A closure that hangs fails its attempt after 30 s, and the next one follows")
    func aTokenClosureThatHangs() async throws {
        let (transport, clock) = (ScriptedTransport(), ManualClock())
        let service = service(transport, clock, hangsFirst: 1)
        let errors = Recorder<SocketServiceError>()
        service.onError { errors.add($0) }
        let events = service.events
        try await service.start()
        _ = try await hung.next()
        try await clock.advance(toSleeperIn: .seconds(30))
        for await event in events { if case .waiting = event { break } }
        #expect("\(try await errors.next())".contains("took longer than"))
        clock.advance(by: .seconds(1))
        #expect(try await transport.nextConnection().request.url == "wss://feed/?2")
        end()
        await service.stop()
        #expect(transport.requests.count == 1, "what the closure says too late is not used")
    }

    @Test("reconnectNow() gets past a closure that hangs, and leaves an attempt alone that connects")
    func reconnectNowGetsPastAClosure() async throws {
        let (transport, clock) = (ScriptedTransport([.hang]), ManualClock())
        let calls = Recorder<Int>()
        let service = SocketService(
            transport: transport, options: .init(clock: clock, logger: .silent),
            request: { attempt in
                calls.add(attempt.number)
                if calls.all.count == 1 { try await hang() }
                return ConnectRequest(url: "wss://feed/")
            })
        try await service.start()
        _ = try await hung.next()
        service.reconnectNow()
        _ = try await transport.nextRequest()
        service.reconnectNow()
        #expect(calls.all == [1, 1])
        #expect(service.state == .connecting)
        end()
        await service.stop()
    }

    @Test("Calls of a heartbeat closure that never return do not pile up")
    func heartbeatClosuresThatHang() async throws {
        let (executor, calls) = (TestExecutor(), Recorder<Void>())
        let fixture = Fixture(
            heartbeat: .message(every: .seconds(1), timeout: nil) {
                calls.add(())
                if calls.all.count > 1 { try await hang() }
                return .text("beat")
            }, executor: executor
        ) { $0.attemptTimeout = .seconds(2) }
        try await fixture.service.start(waitingForOpen: true)
        for _ in 0..<60 {
            fixture.clock.advance(by: .seconds(1))
            try await executor.untilQuiet()
        }
        #expect(calls.all.count == 1 + HeartbeatDriver.inFlightLimit)
        #expect(fixture.service.state == .open)
        #expect(fixture.events.all.last == "error heartbeatFailed")
        end()
        await fixture.service.stop()
    }

    @Test("A heartbeat closure that hangs neither keeps the first connection from failing nor the next from being made")
    func aHeartbeatClosureThatHangs() async throws {
        let fixture = Fixture(
            heartbeat: .message(every: .seconds(60)) {
                try await hang()
                return .text("too late")
            })
        try await fixture.service.start()
        let first = try await fixture.transport.nextConnection()
        _ = try await hung.next()
        try await fixture.clock.advance(toSleeperIn: .seconds(30))
        #expect(try await first.ended().initiator == .connectionLoss)
        try await fixture.events.next { $0.hasPrefix("waiting") }
        fixture.clock.advance(by: .seconds(1))
        _ = try await fixture.transport.nextConnection()
        _ = try await hung.next()
        end()
        await fixture.service.stop()
    }

    @Test("A later heartbeat whose closure hangs does not keep the connection's end from being acted on")
    func aLaterHeartbeatClosureThatHangs() async throws {
        let fixture = Fixture(
            heartbeat: .message(every: .seconds(60), timeout: nil, beatsOnOpen: false) {
                try await hang()
                return .text("too late")
            })
        let peer = try await fixture.open()
        try await fixture.clock.advance(toSleeperIn: .seconds(60))
        _ = try await hung.next()
        peer.abort()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        fixture.clock.advance(by: .seconds(1))
        _ = try await fixture.transport.nextConnection()
        await fixture.service.stop()
        end()
    }

    private struct BlockingRouter: MessageRouter {
        let body: @Sendable () -> Void

        func route(of message: WebSocketMessage) -> String? {
            body()
            return nil
        }
    }

    /// Has threads enough for those that are blocked: Swift's own pool has as many as there are processors.
    private final class QueueExecutor: TaskExecutor {
        private let queue = DispatchQueue(label: "closures that block", attributes: .concurrent)

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }

    @Test(
        "stop() waits no longer than it may for a synchronous closure that hangs",
        arguments: ["router", "onDropped", "overrule"])
    func aSynchronousClosureThatHangs(kind: String) async throws {
        let (began, release) = (Completion<Void>(), DispatchSemaphore(value: 0))
        @Sendable func block() {
            guard began.succeed() else { return }
            release.wait()
        }
        var reconnect = ReconnectPolicy.fixed(.seconds(1))
        if kind == "overrule" {
            reconnect.overrule = { _, decision in
                block()
                return decision
            }
        }
        let executor = QueueExecutor()
        let fixture = Fixture(
            kind == "overrule" ? [.connectionRefused] : [], reconnect: reconnect, queue: QueuePolicy(limit: 1)
        ) { options in
            options.taskExecutor = executor
            if kind == "router" { options.router = BlockingRouter(body: block) }
        }
        let service = fixture.service
        switch kind {
        case "router":
            let peer = try await fixture.open()
            Task { try await service.request(message: .text("?"), reply: "a", correlated: false) }
            _ = try await peer.nextSent()
            peer.deliver("x")
        case "onDropped":
            service.onDropped { _, _ in block() }
            try await service.send("a")
            Task(executorPreference: executor) { try await service.send("b") }
        default:
            try await service.start()
        }
        try await began.value()
        let stopping = Task { await service.stop() }
        let stopped = Task { try await fixture.events.next { $0.hasPrefix("stopped") } }
        while !fixture.events.all.contains(where: { $0.hasPrefix("stopped") }) {
            // Each wait for the closure has its own limit.
            try await fixture.clock.advance(toSleeperIn: .seconds(5))
            await until { fixture.clock.sleeperCount > 0 || fixture.events.all.contains { $0.hasPrefix("stopped") } }
        }
        _ = try await stopped.value
        _ = await stopping.value
        #expect(fixture.clock.now.sinceStart <= .seconds(10))
        release.signal()
    }
}

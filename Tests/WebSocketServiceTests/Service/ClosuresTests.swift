import Dispatch
import Testing
import WebSocketTesting

@testable import WebSocketService

/// The app's closures may ask the service for anything, and may hang.
@Suite("Closures of the app", .timeLimit(.minutes(10))) struct ClosuresTests {
    /// A service that a closure can reach which was made before it.
    private final class Reference: Sendable {
        private let service = Lock<SocketService?>(nil)

        /// `nil` in the end: what the service keeps would keep the service.
        func set(_ service: SocketService?) {
            self.service.withLock { $0 = service }
        }

        func use() {
            guard let service = service.withLock({ $0 }) else { return }
            _ = (service.state, service.statistics)
        }

        func reconnect() {
            use()
            service.withLock { $0 }?.reconnectNow()
        }

        /// The calls that an attempt's own closure may make without giving the attempt up.
        func look() {
            guard let service = service.withLock({ $0 }) else { return }
            _ = (service.state, service.statistics)
        }
    }

    private struct CuriousRouter: MessageRouter {
        let reference: Reference
        let json = JSONRouter()

        func route(of message: WebSocketMessage) -> String? {
            reference.use()
            return json.route(of: message)
        }
        func correlationID(of message: WebSocketMessage) -> String? {
            reference.use()
            return json.correlationID(of: message)
        }
        func correlated(
            _ request: WebSocketMessage, proposedID: UInt64
        ) -> (message: WebSocketMessage, id: String)? {
            reference.use()
            return json.correlated(request, proposedID: proposedID)
        }
    }

    private struct CuriousGenerator: RandomNumberGenerator, Sendable {
        let reference: Reference
        func next() -> UInt64 {
            reference.reconnect()
            return .max
        }
    }

    @Test(
        "A policy, a schedule and a generator may read the service",
        arguments: ["overrule", "custom", "schedule", "jitter"])
    func policiesMayReadTheService(kind: String) async throws {
        let reference = Reference()
        let policy: ReconnectPolicy =
            switch kind {
            case "overrule":
                ReconnectPolicy(schedule: .fixed(.seconds(1))) { _, decision in
                    reference.reconnect()
                    return decision
                }
            case "custom":
                .custom { _ in
                    reference.reconnect()
                    return .seconds(1)
                }
            case "schedule":
                ReconnectPolicy(
                    schedule: .custom { _ in
                        reference.reconnect()
                        return .seconds(1)
                    })
            default: .exponential(initial: .seconds(1))
            }
        let fixture = Fixture(
            [.connectionRefused], reconnect: policy, generator: CuriousGenerator(reference: reference))
        reference.set(fixture.service)
        // `reconnectNow()` of the closure overtakes its own decision.
        try await fixture.service.start(waitingForOpen: true)
        #expect(fixture.transport.requests.count == 2)
        await fixture.service.stop()
        reference.set(nil)
    }

    @Test("A router may read the service while a request waits")
    func aRouterMayReadTheService() async throws {
        let reference = Reference()
        let fixture = Fixture(configure: { $0.router = CuriousRouter(reference: reference) })
        reference.set(fixture.service)
        let service = fixture.service
        let peer = try await fixture.open()
        await fixture.untilDirect()
        let request = Task { try await service.request(message: .text(#"{"id":"q"}"#)) }
        _ = try await peer.nextSent()
        peer.deliver(#"{"socketType":"x"}"#, #"{"id":"q"}"#)
        #expect(try await request.value == .text(#"{"id":"q"}"#))
        await service.stop()
        reference.set(nil)
    }

    @Test("A heartbeat's closures may read the service")
    func aHeartbeatMayReadTheService() async throws {
        let reference = Reference()
        let fixture = Fixture(
            heartbeat: .message(
                every: .seconds(60),
                isAnswer: {
                    reference.use()
                    return $0.text == "pong"
                }
            ) {
                reference.look()
                return .text("ping")
            })
        reference.set(fixture.service)
        let peer = try await fixture.open()
        peer.deliver("pong")
        try await fixture.events.next { $0.hasPrefix("round trip") }
        await fixture.service.stop()
        reference.set(nil)
    }

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

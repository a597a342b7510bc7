import Logging
import Synchronization
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

/// A service over a scripted transport and a clock that stands still, with all of its events recorded.
struct Fixture {
    let clock: ManualClock
    let transport: ScriptedTransport
    let service: SocketService
    let events: Recorder<String>

    init(
        _ outcomes: [ScriptedTransport.Outcome] = [],
        afterwards: ScriptedTransport.Outcome = .open(),
        urls: [String] = ["wss://feed.example.com/stream"],
        reconnect: ReconnectPolicy = .fixed(.seconds(1)),
        heartbeat: HeartbeatPolicy = .off,
        queue: QueuePolicy = QueuePolicy(),
        generator: any RandomNumberGenerator & Sendable = ConstantGenerator.highest,
        executor: TestExecutor? = nil,
        configure: (inout SocketService.Options) -> Void = { _ in }
    ) {
        let clock = ManualClock()
        self.clock = clock
        transport = ScriptedTransport(outcomes, afterwards: afterwards)
        var options = SocketService.Options(
            clock: clock, generator: generator, logger: .silent, taskExecutor: executor)
        configure(&options)
        service = SocketService(
            urls: urls, transport: transport, reconnect: reconnect, heartbeat: heartbeat, queue: queue,
            options: options)
        events = Recorder()
        record()
    }

    private func record() {
        let (stream, events) = (service.events, events)
        Task(executorPreference: service.environment.options.taskExecutor) {
            for await event in stream { events.add(event.summary) }
            events.add("end of events")
        }
    }

    /// Starts the service and waits for its first connection.
    func open() async throws -> ScriptedConnection {
        try await service.start(waitingForOpen: true)
        return try await transport.nextConnection()
    }

    /// Opens as ``open()`` does, and waits until the next `send` goes out at once.
    func openDirect() async throws -> ScriptedConnection {
        let peer = try await open()
        await untilDirect()
        return peer
    }

    /// Waits until everything that is queued was sent, so that the next `send` goes out at once.
    func untilDirect() async {
        await until { service.outbox.isDirect }
    }
}

/// Lets other tasks run until a condition holds. The condition must not depend on time; a suite's time limit ends it.
func until(_ condition: () -> Bool) async {
    while !condition(), !Task.isCancelled { await Task.yield() }
}

extension ScriptedConnection {
    /// The correlation ID in the next message that the peer gets.
    func nextCorrelationID() async throws -> String {
        try #require(JSONRouter().correlationID(of: try await nextSent()))
    }
}

extension SocketEvent {
    var summary: String {
        switch self {
        case .connecting(let attempt, let url):
            "connecting \(attempt) \(url.split(separator: "/").dropFirst().first ?? "")"
        case .open: "open"
        case .failed(let failure): "failed \(failure)"
        case .closed(let end): "closed \(end.code.rawValue)"
        case .waiting(let delay, let attempt): "waiting \(delay) for \(attempt)"
        case .gaveUp(let attempts, _): "gave up after \(attempts)"
        case .roundTrip(let duration): "round trip \(duration)"
        case .dropped(let message, let reason): "dropped \(message.beginning) \(reason.rawValue)"
        case .unhandled(let message, let route): "unhandled \(route ?? "nil") \(message.beginning)"
        case .error(let error): "error \(error.code)"
        case .paused: "paused"
        case .stopped(let unseen): "stopped \(unseen)"
        }
    }
}

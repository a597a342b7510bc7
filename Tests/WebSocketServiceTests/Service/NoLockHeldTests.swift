import Synchronization
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

/// Code that is woken, called or cancelled may ask the service for anything. It ends the process where a lock is held.
@Suite("No lock is held while others run", .timeLimit(.minutes(10))) struct NoLockHeldTests {
    @Test("An executor may run every job where it is enqueued")
    func inlineExecutor() async {
        await #expect(processExitsWith: .success) {
            let executor = InlineExecutor()
            let (clock, transport) = (ManualClock(), ScriptedTransport())
            let service = SocketService(
                "wss://feed/", transport: transport, reconnect: .fixed(.seconds(1)),
                heartbeat: .message(.text("beat"), every: .seconds(60)),
                queue: QueuePolicy(limit: 1, overflow: .suspend),
                options: SocketService.Options(
                    inboxLimit: 1, clock: clock, logger: .silent, taskExecutor: executor))
            let calls = Recorder<String>()
            @Sendable func look(_ name: String) {
                calls.add(name)
                _ = (service.state, service.statistics)
                service.unregister("nobody")
            }
            service.onOpen { _ in
                look("open")
                try await service.send("hello")
            }
            service.onMessage { message in
                look("message")
                guard message.text == "ask" else { return }
                _ = try await service.request(message: .text(#"{"id":"q"}"#))
                look("answered")
            }
            service.onClose { _ in look("close") }
            service.onDropped { _, _ in look("dropped") }
            let events = service.events
            let listening = Task(executorPreference: executor) { for await _ in events { look("event") } }
            let loop = Task(executorPreference: executor) { for await _ in service.messages { look("loop") } }
            try await Task(executorPreference: executor) {
                try await service.start(waitingForOpen: true)
                look("started")
            }.value
            let peer = try await transport.nextConnection()
            peer.deliver("a", "b")
            peer.deliver("ask")
            while peer.sent.last?.text != #"{"id":"q"}"# { _ = try await peer.nextSent() }
            peer.deliver("c", #"{"id":"q"}"#)
            peer.holdSends()
            let held = Task(executorPreference: executor) {
                _ = try await service.send("held")
                look("sent")
            }
            await until { peer.heldSendCount == 1 }
            peer.abort()
            try await held.value
            let waiting = Task(executorPreference: executor) {
                _ = try await service.send("waits")
                look("queued")
            }
            await until { service.outbox.waiterCount == 1 }
            try await clock.advance(toSleeperIn: .seconds(1))
            try await waiting.value
            let next = try await transport.nextConnection()
            while next.sent.last?.text != "waits" { _ = try await next.nextSent() }
            await Task(executorPreference: executor) {
                await service.pause()
                service.resume()
                look("paused")
            }.value
            _ = try await transport.nextConnection()
            await Task(executorPreference: executor) { _ = await service.stop() }.value
            await listening.value
            await loop.value
            for name in ["open", "message", "answered", "close", "event", "loop", "sent", "queued", "paused"] {
                #expect(calls.all.contains(name), "\(name)")
            }
        }
    }

    @Test(
        "What is the app's may ask the service for anything as it goes: a connection, an error",
        arguments: ["loss", "100 connections", "1,000 failures"])
    func releases(kind: String) async {
        await #expect(processExitsWith: .success) { [kind] in
            let executor = TestExecutor()
            let (clock, transport) = (ManualClock(), WatchedTransport())
            transport.failsAfterwards = kind == "1,000 failures"
            let service = SocketService(
                "wss://feed/", transport: transport, reconnect: .fixed(.seconds(1)), heartbeat: .off,
                options: SocketService.Options(clock: clock, logger: .silent, taskExecutor: executor))
            transport.service.withLock { $0 = service }
            let hung = Completion<Void>()
            service.onOpen { _ in }
            service.onMessage { _ in try await hung.value() }
            try await service.start(waitingForOpen: true)
            try await executor.untilQuiet()
            let rounds = kind == "loss" ? 1 : kind == "100 connections" ? 110 : 1_010
            transport.scripted.connections[0].deliver("hang")
            try await executor.untilQuiet()
            for _ in 0..<rounds {
                transport.scripted.connections.last?.abort()
                try await executor.untilQuiet()
                clock.advance(by: .seconds(1))
                try await executor.untilQuiet()
            }
            #expect(transport.releases.value >= (kind == "loss" ? 1 : 9), "\(transport.releases.value)")
            hung.succeed()
            await service.stop()
            transport.service.withLock { $0 = nil }
        }
    }

    @Test(
        "What a handler does when it is cancelled may ask the service for anything", arguments: ["onOpen", "onMessage"])
    func cancellation(kind: String) async {
        await #expect(processExitsWith: .success) { [kind] in
            let fixture = Fixture()
            let (service, clock) = (fixture.service, fixture.clock)
            let (entered, cancelled) = (Completion<Void>(), Completion<Void>())
            @Sendable func hang() async throws {
                try await withTaskCancellationHandler {
                    entered.succeed()
                    try await clock.sleep(for: .seconds(60))
                } onCancel: {
                    _ = (service.state, service.statistics)
                    service.reconnectNow()
                    cancelled.succeed()
                }
            }
            if kind == "onOpen" { service.onOpen { _ in try await hang() } }
            service.onMessage { _ in try await hang() }
            let peer = try await fixture.open()
            peer.deliver("go")
            try await entered.value()
            await service.stop()
            try await cancelled.value()
        }
    }
}

/// A transport whose connections and errors look at the service as they go.
private final class WatchedTransport: SocketTransport {
    final class Count: Sendable {
        private let count = Lock(0)
        var value: Int { count.withLock { $0 } }
        func add() { count.withLock { $0 += 1 } }
    }

    let scripted = ScriptedTransport()
    let service = Lock<SocketService?>(nil)
    let releases = Count()
    private let fails = Lock(false)
    private let attempts = Count()

    var failsAfterwards: Bool {
        get { fails.withLock { $0 } }
        set { fails.withLock { $0 = newValue } }
    }

    func validate(_ request: ConnectRequest) throws { try scripted.validate(request) }

    func connect(to request: ConnectRequest) async throws -> any SocketConnection {
        attempts.add()
        if failsAfterwards, attempts.value > 1 { throw Failure(look: look) }
        return Connection(connection: try await scripted.connect(to: request), look: look)
    }

    private func look() {
        _ = service.withLock { $0 }?.state
        releases.add()
    }

    private final class Failure: Error {
        private let look: @Sendable () -> Void

        init(look: @escaping @Sendable () -> Void) { self.look = look }
        deinit { look() }
    }

    private final class Connection: SocketConnection {
        private let connection: any SocketConnection
        private let look: @Sendable () -> Void

        init(connection: any SocketConnection, look: @escaping @Sendable () -> Void) {
            (self.connection, self.look) = (connection, look)
        }

        deinit { look() }

        var handshake: HandshakeResponse { connection.handshake }
        var closure: WebSocketClosure? { connection.closure }
        var closeError: (any Error)? { connection.closeError }
        var bytesReceived: UInt64 { connection.bytesReceived }
        func nextMessages() async throws -> [WebSocketMessage]? { try await connection.nextMessages() }
        func send(_ message: WebSocketMessage) async throws { try await connection.send(message) }
        func ping() async throws -> Duration { try await connection.ping() }
        func close(code: CloseCode, reason: String) async -> WebSocketClosure {
            await connection.close(code: code, reason: reason)
        }
        func abort() { connection.abort() }
        func ended() async throws -> WebSocketClosure { try await connection.ended() }
    }
}

import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

/// Whoever is woken, called or cancelled may ask the service for anything. Where a lock is held, that ends the process.
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
            peer.drop()
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

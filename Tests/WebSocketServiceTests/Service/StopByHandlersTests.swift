import Testing
import WebSocketTesting

@testable import WebSocketService

/// Handlers that end the connection, or the service, themselves.
@Suite("stop() by handlers", .timeLimit(.minutes(1))) struct StopByHandlersTests {
    @Test("onOpen that stops or pauses the service is not cancelled by that", arguments: ["stop", "pause"])
    func byOnOpen(call: String) async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let service = fixture.service
        let calls = Recorder<String>()
        service.onOpen { _ in
            if call == "stop" { await service.stop() } else { await service.pause() }
            calls.add("cancelled: \(Task.isCancelled)")
            await Task.yield()
            calls.add("cancelled: \(Task.isCancelled)")
        }
        service.onOpen { _ in calls.add("second") }
        service.onClose { _ in calls.add("close") }
        try await service.start()
        try await executor.untilQuiet()
        #expect(
            calls.all == ["cancelled: false", "cancelled: false"] + (call == "stop" ? ["close"] : ["second", "close"]))
        await service.stop()
    }

    @Test("shutDown() by a handler does not wait for what comes after the handler", arguments: ["handler", "loop"])
    func shutDownAsTheConnectionGoes(caller: String) async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let (service, transport) = (fixture.service, fixture.transport)
        let leftovers = Recorder<[WebSocketMessage]>()
        service.onOpen { _ in try await transport.nextConnection().holdSends() }
        if caller == "handler" {
            service.onMessage { if $0.text == "go" { leftovers.add(await service.shutDown()) } }
        } else {
            Task(executorPreference: executor) {
                for await message in service.messages where message.text == "go" {
                    leftovers.add(await service.shutDown())
                }
            }
            try await executor.untilQuiet()
        }
        try await service.send("drains")
        try await service.start(waitingForOpen: true)
        try await executor.untilQuiet()
        let peer = transport.connections[0]
        for text in ["go"] + Array(repeating: "busy", count: 10) { peer.deliver(text) }
        try await executor.untilQuiet()
        #expect(leftovers.all.isEmpty, "it has its time")
        peer.drop()
        try await executor.untilQuiet()
        #expect(leftovers.all == [[.text("drains")]])
        #expect(fixture.clock.now.sinceStart == .zero)
        await service.stop()
    }

    @Test("shutDown() by a handler lets a peer be read that takes nothing before that")
    func shutDownWhileThePeerIsRead() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor, configure: { $0.inboxLimit = 2 })
        let (service, transport) = (fixture.service, fixture.transport)
        let leftovers = Recorder<[WebSocketMessage]>()
        service.onOpen { _ in try await transport.nextConnection().holdSends() }
        service.onMessage { if $0.text == "go" { leftovers.add(await service.shutDown()) } }
        try await service.send("drains")
        try await service.start(waitingForOpen: true)
        try await executor.untilQuiet()
        let peer = transport.connections[0]
        for text in ["go"] + Array(repeating: "busy", count: 10) { peer.deliver(text) }
        try await executor.untilQuiet()
        #expect(peer.unreadCount == 0)
        peer.releaseSends()
        try await executor.untilQuiet()
        #expect(leftovers.all == [[]])
        #expect(peer.sent == [.text("drains")])
    }
}

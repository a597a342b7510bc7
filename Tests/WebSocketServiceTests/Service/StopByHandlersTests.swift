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
}

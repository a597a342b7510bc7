import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("Task-local values", .timeLimit(.minutes(10))) struct TaskLocalTests {
    private enum Trace {
        @TaskLocal static var id = "none"
    }

    @Test("Handlers and the app's closures see no task-local value of whoever called the service")
    func taskLocals() async throws {
        let seen = Recorder<String>()
        let clock = ManualClock()
        let transport = ScriptedTransport()
        let service = SocketService(
            transport: transport, reconnect: .fixed(.zero),
            heartbeat: .message(every: .seconds(60)) {
                seen.add("beat \(Trace.id)")
                return .text("beat")
            }, options: .init(clock: clock, logger: .silent),
            request: { _ in
                seen.add("request \(Trace.id)")
                return ConnectRequest(url: "wss://feed/")
            })
        service.onOpen { _ in seen.add("open \(Trace.id)") }
        service.onMessage { _ in seen.add("message \(Trace.id)") }
        service.onClose { _ in seen.add("close \(Trace.id)") }
        try await Trace.$id.withValue("the app's") {
            try await service.start(waitingForOpen: true)
            try await transport.nextConnection().deliver("go")
        }
        #expect(try await seen.next(4) == ["request none", "beat none", "open none", "message none"])
        await Trace.$id.withValue("the app's") { _ = await service.stop() }
        #expect(seen.all.last == "close none")
    }
}

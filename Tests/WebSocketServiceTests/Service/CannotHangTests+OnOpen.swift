import Testing
import WebSocketTesting

@testable import WebSocketService

extension CannotHangTests {
    @Test("When onOpen throws, the connection is aborted and the policy backs off")
    func onOpenThatThrows() async throws {
        struct LoginRefused: Error, CustomStringConvertible { let description = "login refused" }
        let fixture = Fixture(reconnect: .exponential(jitter: .none))
        let service = fixture.service
        let calls = Recorder<String>()
        service.onOpen { _ in
            calls.add("login")
            if calls.all.count(where: { $0 == "login" }) < 4 { throw LoginRefused() }
        }
        service.onOpen { _ in calls.add("second handler") }
        service.onError { calls.add("error \($0.code) \($0.underlying is LoginRefused)") }
        service.onClose { calls.add("close \($0.code.rawValue)") }
        try await service.send("queued")
        try await service.start()
        for attempt in 1...3 {
            let peer = try await fixture.transport.nextConnection()
            _ = try await peer.ended()
            #expect(peer.wasAborted)
            #expect(peer.sent.isEmpty, "nothing of the queue is sent")
            try await fixture.events.next {
                $0.hasPrefix("failed an onOpen handler threw") && $0.contains("login refused")
            }
            let delay = Duration.milliseconds(250 * (1 << attempt))
            try await fixture.events.next { $0 == "waiting \(delay) for \(attempt + 1)" }
            fixture.clock.advance(by: delay)
            #expect(try await calls.next(3) == ["login", "error connectionFailed true", "close 1006"])
        }
        let peer = try await fixture.transport.nextConnection()
        #expect(try await peer.nextSent() == .text("queued"))
        #expect(try await calls.next(2) == ["login", "second handler"])
        #expect(service.statistics.handlerFailures == 3)
        await service.stop()
    }
}

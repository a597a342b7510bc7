import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite(.timeLimit(.minutes(10))) struct MessageSummaryTests {
    @Test(
        "A summary tells of a message without holding its payload",
        arguments: [
            ("", "", "\"\""), ("short", "short", "\"short\""),
            (String(repeating: "x", count: 64), String(repeating: "x", count: 64), nil),
            (String(repeating: "x", count: 65), String(repeating: "x", count: 64), nil),
            // Never within a character: 63 bytes and the first of two are 63.
            (String(repeating: "x", count: 63) + "é", String(repeating: "x", count: 63), nil),
            (String(repeating: "x", count: 61) + "😀", String(repeating: "x", count: 61), nil),
            (String(repeating: "x", count: 60) + "😀", String(repeating: "x", count: 60) + "😀", nil),
        ] as [(String, String, String?)])
    func summaries(text: String, beginning: String, description: String?) {
        let summary = MessageSummary(.text(text))
        #expect(summary.kind == .text)
        #expect(summary.byteCount == text.utf8.count)
        #expect(summary.beginning == beginning)
        if let description { #expect(summary.description == description) }
        let binary = MessageSummary(.binary(Array(text.utf8)))
        #expect(binary.kind == .binary)
        #expect(binary.beginning == "")
        #expect(binary.description == "\(text.utf8.count) bytes")
    }

    @Test("An idle subscriber holds neither payloads nor routes of the peer's making")
    func idleSubscriber() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1))
        let idle = fixture.service.events
        let large = String(repeating: "x", count: 1 << 20)
        for _ in 0..<3 { try await fixture.service.send(large) }
        let peer = try await fixture.open()
        peer.deliver(#"{"socketType":"\#(large)"}"#)
        try await fixture.events.next { $0.hasPrefix("unhandled") }
        await fixture.service.stop()
        var (dropped, unhandled) = (0, 0)
        for await event in idle {
            switch event {
            case .dropped(let message, _):
                dropped += 1
                #expect(message.byteCount == 1 << 20)
                #expect(message.beginning.utf8.count == MessageSummary.longestBeginning)
            case .unhandled(let message, let route):
                unhandled += 1
                #expect(message.beginning.utf8.count == MessageSummary.longestBeginning)
                #expect(route?.utf8.count == SocketEvent.longestRoute)
            default: break
            }
        }
        #expect(dropped == 2)
        #expect(unhandled == 1)
    }
}

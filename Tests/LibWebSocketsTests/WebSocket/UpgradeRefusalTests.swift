import HTTPTypes
import Testing
import WebSocketProtocol

@testable import LibWebSockets

@Suite struct UpgradeRefusalTests {
    @Test(
        "The error says who refused, with what, and what to do",
        arguments: [
            (200, [:], "no WebSocket endpoint is at this path"),
            (301, [.location: "wss://new.example/"], "redirects to wss://new.example/"),
            (302, [:], "redirects to nowhere"),
            (401, [:], "check the credentials"),
            (403, [:], "check the credentials"),
            (404, [:], "check the URL's path"),
            (429, [.retryAfter: "7"], "try again in 7.0 seconds"),
            (503, [:], "try again later"),
            (503, [.retryAfter: "soon"], "try again later"),
            (500, [:], "its body may say why"),
            (799, [:], "its body may say why"),
        ] as [(Int, HTTPFields, String)])
    func texts(status: Int, headers: HTTPFields, advice: String) throws {
        let refusal = UpgradeRefusal(head: ResponseHead(status: status, headers: headers), body: [1, 2, 3])
        let error = refusal.error(endpoint: try Endpoint("wss://feed.example:8443/stream"))
        #expect(error.code == .upgradeRefused)
        #expect(error.stage == .upgrade)
        #expect(error.refusal == refusal)
        #expect(error.message.hasPrefix("wss://feed.example:8443 refused the upgrade with status \(status): "))
        #expect(error.message.contains(advice))
    }

    @Test("Retry-After is counted by the server's own clock")
    func retryAfter() {
        let headers: HTTPFields = [
            .date: "Mon, 23 Nov 2026 02:53:38 GMT", .retryAfter: "Mon, 23 Nov 2026 02:54:38 GMT",
        ]
        let refusal = UpgradeRefusal(head: ResponseHead(status: 503, headers: headers), body: [])
        #expect(refusal.retryAfter == .seconds(60))
    }

    @Test("A server's Location cannot put control characters or a flood into the message")
    func hostileLocation() throws {
        let location = "wss://evil\u{1B}[31m/" + String(repeating: "x", count: 30_000)
        let refusal = UpgradeRefusal(head: ResponseHead(status: 302, headers: [.location: location]), body: [])
        let message = refusal.error(endpoint: try Endpoint("wss://feed.example/")).message
        #expect(!message.unicodeScalars.contains { $0.value < 0x20 })
        #expect(message.count < 1_000)
    }
}

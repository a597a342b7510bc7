import HTTPTypes
import Testing
import WebSocketProtocol
import WebSocketTesting

@testable import LibWebSockets

@Suite struct UpgradeRefusalTests {
    @Test(
        "The error says who refused, with what, and what to do",
        arguments: [
            (200, [:], "no WebSocket endpoint is at this path"),
            (301, [.location: "wss://new.example/"], "it redirects to wss://new.example/"),
            (302, [:], "it redirects, but has no Location header, so that it leads nowhere; check the URL"),
            (302, [.location: ""], "it redirects, but has an empty Location header"),
            (304, [:], "its body may say why"),
            (401, [:], "check the credentials"),
            (404, [:], "check the URL's path"),
            (407, [:], "a proxy in front of it wants credentials"),
            (429, [.retryAfter: "7"], "try again in 7.0 s"),
            (503, [:], "try again later"),
            (503, [.retryAfter: "soon"], "try again later"),
            (500, [:], "its body may say why"),
            (799, [:], "its body may say why"),
        ] as [(Int, HTTPFields, String)])
    func texts(status: Int, headers: HTTPFields, advice: String) throws {
        let refusal = UpgradeRefusal(status: .init(code: status), headers: headers, body: [1, 2, 3])
        let error = refusal.error(endpoint: try Endpoint("wss://feed.example:8443/stream?token=SECRET"))
        #expect(error.code == .upgradeRefused)
        #expect(error.stage == .upgrade)
        #expect(error.refusal == refusal)
        #expect(error.message.hasPrefix("wss://feed.example:8443/stream refused the upgrade with status \(status): "))
        #expect(!error.message.contains("SECRET"))
        #expect(error.message.contains(advice))
    }

    @Test(
        "The body's beginning is there as text, unless it is a page, a file or nothing",
        arguments: [
            ("text/plain; charset=utf-8", "your address\n is blocked", "your address\n is blocked"),
            ("application/problem+json", "{}", "{}"), ("text/html", "<html>", nil), ("text/plain", "\u{0}\u{1}", nil),
            ("application/octet-stream", "abc", nil), ("text/plain", "", nil),
        ] as [(String, String, String?)])
    func bodyText(type: String, body: String, text: String?) {
        let refusal = UpgradeRefusal(
            status: .forbidden, headers: [.contentType: type], body: Array(body.utf8), retryAfter: nil)
        #expect(refusal.bodyText == text)
    }

    @Test(
        "A 403 is traced to what caused it: credentials, the Origin header, or what the answer says",
        arguments: [
            ([:], "", nil, "check the credentials in the request's headers, and the Origin header"),
            ([:], "", nil, "(this request had none)"),
            ([:], "", "https://a.test", "(this request's was https://a.test)"),
            ([.wwwAuthenticate: "Bearer"], "", nil, "check the credentials in the request's headers"),
            (
                [:], "Origin https://a.test is not allowed", "https://a.test",
                "it does not take the request's Origin header (this request's was https://a.test); set the one"
            ),
            (
                [.contentType: "application/json"], "{\"error\":\"CORS origin\"}", nil,
                "does not take the request's Origin"
            ),
            (
                [.contentType: "text/plain; charset=utf-8"], "your address\n is  blocked", nil,
                ". It says: \"your address is blocked\""
            ),
        ] as [(HTTPFields, String, String?, String)])
    func forbidden(headers: HTTPFields, body: String, origin: String?, words: String) throws {
        let refusal = UpgradeRefusal(status: .init(code: 403), headers: headers, body: Array(body.utf8))
        let message = refusal.error(endpoint: try Endpoint("wss://feed.example/"), origin: origin).message
        #expect(message.contains(words), "\(message)")
    }

    @Test(
        "Neither a page nor a file is quoted",
        arguments: [
            ([.contentType: "text/html"], Array("<html>origin</html>".utf8)),
            ([.contentType: "application/octet-stream"], Array("origin".utf8)),
            ([:], [0, 1, 2] + Array("origin".utf8)),
        ] as [(HTTPFields, [UInt8])])
    func notQuoted(headers: HTTPFields, body: [UInt8]) throws {
        let refusal = UpgradeRefusal(status: .init(code: 403), headers: headers, body: body)
        let message = refusal.error(endpoint: try Endpoint("wss://feed.example/")).message
        #expect(!message.contains("It says"))
        #expect(message.contains("check the credentials"))
    }

    @Test("The Origin header of the request reaches the advice, and the server's words the message")
    func originOfTheRequest() async throws {
        let script: [FaultServer.Step] = [.readRequest, .respond(status: 403, body: "bad origin")]
        try await FaultServer.withServer(script) { server in
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(
                    to: server.url(), configuration: WebSocketConfiguration(headers: [.origin: "https://a.test"]))
            }
            #expect(error?.message.contains("(this request's was https://a.test)") == true, "\(error?.message ?? "")")
            #expect(error?.message.hasSuffix("It says: \"bad origin\"") == true)
        }
    }

    @Test("A server's words cannot put control characters, turned text or a flood into the message")
    func hostileBody() throws {
        let body = Array(("no\u{202E}\u{2028}\u{200B}" + String(repeating: "x", count: 60_000)).utf8)
        let refusal = UpgradeRefusal(status: .init(code: 500), headers: [:], body: body)
        let message = refusal.error(endpoint: try Endpoint("wss://feed.example/")).message
        #expect(message.contains("no\\u{202E}"))
        #expect(!message.unicodeScalars.contains { $0 == "\u{202E}" || $0 == "\u{2028}" || $0 == "\u{200B}" })
        #expect(message.count < 1_000)
    }

    @Test("Retry-After is counted by the server's own clock")
    func retryAfter() {
        let headers: HTTPFields = [
            .date: "Mon, 23 Nov 2026 02:53:38 GMT", .retryAfter: "Mon, 23 Nov 2026 02:54:38 GMT",
        ]
        let refusal = UpgradeRefusal(status: .serviceUnavailable, headers: headers, body: [])
        #expect(refusal.retryAfter == .seconds(60))
    }

    @Test("A server's Location cannot put control characters or a flood into the message")
    func hostileLocation() throws {
        let location = "wss://evil\u{1B}[31m/" + String(repeating: "x", count: 30_000)
        let refusal = UpgradeRefusal(status: .found, headers: [.location: location], body: [])
        let message = refusal.error(endpoint: try Endpoint("wss://feed.example/")).message
        #expect(!message.unicodeScalars.contains { $0.value < 0x20 })
        #expect(message.count < 1_000)
    }
}

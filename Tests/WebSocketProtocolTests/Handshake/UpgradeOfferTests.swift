import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite struct UpgradeOfferTests {
    private static let good = [
        "Host: example.com", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
    ]

    private static func without(_ name: String, _ more: String...) -> [String] {
        good.filter { !$0.hasPrefix(name) } + more
    }

    private func offer(_ requestLine: String, _ lines: [String]) throws -> UpgradeOffer {
        var parser = UpgradeRequestParser()
        let text = ([requestLine] + lines + ["", ""]).joined(separator: "\r\n")
        let progress = try Array(text.utf8).withUnsafeBytes { try parser.parse($0) }
        guard case .complete(let head, _) = progress else {
            throw UpgradeRejection(.internalServerError, "the test's head is not complete")
        }
        return try UpgradeOffer(head)
    }

    @Test("A right request is an offer") func rightRequestIsOffer() throws {
        let offer = try offer(
            "GET /chat HTTP/1.1",
            Self.good + [
                "Sec-WebSocket-Protocol: v2, v1", "Sec-WebSocket-Protocol: v0",
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "Content-Length: 0",
            ])
        #expect(offer.head.target == "/chat")
        #expect(offer.key.acceptValue == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(offer.subprotocols == ["v2", "v1", "v0"])
        #expect(
            offer.extensions
                == [WebSocketExtension("permessage-deflate", parameters: [.init("client_max_window_bits")])])
    }

    @Test(
        "A Host header names a host, with or without a port",
        arguments: [
            "example.com", "EXAMPLE.com:8080", "localhost", "127.0.0.1:9000", "[::1]", "[2001:db8::1]:443",
            "my_service",
            "example.com.", "example.com:",
        ])
    func hostNamesAHost(host: String) throws {
        let offer = try offer("GET //chat?x=/y HTTP/1.1", Self.without("Host", "Host: \(host)"))
        #expect(offer.head.target == "//chat?x=/y")
    }

    @Test("What the client side writes, the server side accepts") func serverAcceptsClientRequest() throws {
        let key = try HandshakeKey(.seeded(3))
        let request = try UpgradeRequest(
            endpoint: Endpoint("ws://[::1]:9000/a?b"), key: key, subprotocols: ["a", "b"],
            extensions: [WebSocketExtension("x")], headers: [.origin: "null"])
        var parser = UpgradeRequestParser()
        let progress = try request.bytes.withUnsafeBytes { try parser.parse($0) }
        guard case .complete(let head, let rest) = progress else {
            Issue.record("the request is not complete")
            return
        }
        let offer = try UpgradeOffer(head)
        #expect(rest.isEmpty)
        #expect(head.target == "/a?b")
        #expect(head.headers[try #require(HTTPField.Name("Host"))] == "[::1]:9000")
        #expect(offer.key == key)
        #expect(offer.subprotocols == ["a", "b"])
        #expect(offer.extensions == [WebSocketExtension("x")])
    }

    @Test(
        "A wrong request is refused with its status and why",
        arguments: [
            ("POST / HTTP/1.1", good, 405, "WebSocket needs the method GET, not POST."),
            ("get / HTTP/1.1", good, 405, "not get"),
            ("GET / HTTP/1.0", good, 505, "WebSocket needs HTTP/1.1, not \"HTTP/1.0\"."),
            ("GET / HTTP/2.0", good, 505, "not \"HTTP/2.0\""),
            ("GET / HTTP/1.1", without("Host"), 400, "The request must have one Host header."),
            ("GET / HTTP/1.1", good + ["Host: other"], 400, "one Host header"),
            ("GET / HTTP/1.1", good + ["host: example.com"], 400, "one Host header"),
            ("GET / HTTP/1.1", without("Host", "Host:"), 400, "The Host header \"\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: :80"), 400, "The Host header \":80\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: a b"), 400, "\"a b\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: a, b"), 400, "\"a, b\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: http://a/"), 400, "\"http://a/\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: a/b"), 400, "\"a/b\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: a?b"), 400, "\"a?b\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: a#b"), 400, "\"a#b\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: user@a"), 400, "\"user@a\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: a:0"), 400, "\"a:0\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: a:65536"), 400, "\"a:65536\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: a:http"), 400, "\"a:http\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: ::1"), 400, "\"::1\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: [::1"), 400, "\"[::1\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: [::1]x"), 400, "\"[::1]x\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: [a]"), 400, "\"[a]\" is no host"),
            ("GET / HTTP/1.1", without("Host", "Host: é"), 400, "\"\\u{00E9}\" is no host"),
            ("GET * HTTP/1.1", good, 400, "The target \"*\" is no path (RFC 9112 section 3.2.1)."),
            ("GET http://example.com/ HTTP/1.1", good, 400, "The target \"http://example.com/\" is no path"),
            ("GET example.com:80 HTTP/1.1", good, 400, "is no path"),
            ("GET chat HTTP/1.1", good, 400, "is no path"),
            ("GET ?a HTTP/1.1", good, 400, "is no path"),
            ("GET /a#b HTTP/1.1", good, 400, "The target \"/a#b\" is no path"),
            ("OPTIONS * HTTP/1.1", good, 405, "not OPTIONS"),
            ("CONNECT example.com:80 HTTP/1.1", good, 405, "not CONNECT"),
            ("GET / HTTP/1.1", without("Upgrade"), 426, "the header Upgrade must name websocket"),
            ("GET / HTTP/1.1", without("Upgrade", "Upgrade: h2c"), 426, "the header Upgrade must name websocket"),
            ("GET / HTTP/1.1", without("Connection"), 400, "The header Connection must name Upgrade."),
            (
                "GET / HTTP/1.1", without("Connection", "Connection: close"), 400,
                "The header Connection must name Upgrade."
            ),
            (
                "GET / HTTP/1.1", without("Sec-WebSocket-Version"), 426,
                "Only version 13 of the WebSocket protocol is spoken here."
            ),
            ("GET / HTTP/1.1", without("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), 426, "Only version 13"),
            ("GET / HTTP/1.1", good + ["Sec-WebSocket-Version: 13"], 426, "Only version 13"),
            ("GET / HTTP/1.1", without("Sec-WebSocket-Key"), 400, "must be the base64 of 16 bytes, once"),
            ("GET / HTTP/1.1", without("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAA"), 400, "16 bytes"),
            ("GET / HTTP/1.1", good + ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], 400, "once"),
            ("GET / HTTP/1.1", good + ["Sec-WebSocket-Protocol: a, a"], 400, "must list different tokens"),
            ("GET / HTTP/1.1", good + ["Sec-WebSocket-Protocol: a b"], 400, "must list different tokens"),
            ("GET / HTTP/1.1", good + ["Sec-WebSocket-Extensions: a b"], 400, "Extensions is malformed"),
            ("GET / HTTP/1.1", good + ["Content-Length: 5"], 400, "An opening handshake has no body."),
            ("GET / HTTP/1.1", good + ["Transfer-Encoding: chunked"], 400, "An opening handshake has no body."),
        ] as [(String, [String], Int, String)])
    func wrongRequestIsRefused(
        requestLine: String, lines: [String], status: Int, message: String
    ) {
        let rejection = #expect(throws: UpgradeRejection.self) { try offer(requestLine, lines) }
        #expect(rejection?.status.code == status)
        #expect(rejection?.message.contains(message) == true, "\(rejection?.message ?? "")")
        #expect((rejection?.headers[.secWebSocketVersion] == "13") == (message.contains("version 13")))
        #expect((rejection?.headers[.upgrade] == "websocket") == (status == 426))
        #expect((rejection?.headers[.allow] == "GET") == (status == 405))
    }
}

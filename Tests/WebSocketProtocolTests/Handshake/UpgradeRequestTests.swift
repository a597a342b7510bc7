import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite struct UpgradeRequestTests {
    private static let key = HandshakeKey(received: "dGhlIHNhbXBsZSBub25jZQ==")

    private func request(
        _ url: String = "wss://example.com/chat", subprotocols: [String] = [], extensions: [WebSocketExtension] = [],
        headers: HTTPFields = [:], maximumSize: Int = UpgradeRequest.defaultMaximumSize
    ) throws -> UpgradeRequest {
        try UpgradeRequest(
            endpoint: Endpoint(url), key: #require(Self.key), subprotocols: subprotocols, extensions: extensions,
            headers: headers, maximumSize: maximumSize)
    }

    private func refusal(
        subprotocols: [String] = [], extensions: [WebSocketExtension] = [], headers: HTTPFields = [:],
        maximumSize: Int = UpgradeRequest.defaultMaximumSize
    ) throws -> String {
        do {
            _ = try request(
                subprotocols: subprotocols, extensions: extensions, headers: headers, maximumSize: maximumSize)
            return "accepted"
        } catch let error as InvalidUpgradeRequest {
            return error.description
        }
    }

    private static let custom = HTTPField.Name("X-Trace")

    @Test("The plain request is this, to the last byte") func plainRequest() throws {
        let expected =
            "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        #expect(String(decoding: try request().bytes, as: UTF8.self) == expected)
    }

    @Test("A request with everything is this, to the last byte") func fullRequest() throws {
        let request = try request(
            "ws://user:secret@[2001:db8::9]:8080?token=a%20b",
            subprotocols: ["v2.feed", "v1.feed"],
            extensions: [
                WebSocketExtension("permessage-deflate", parameters: [.init("client_max_window_bits")]),
                WebSocketExtension("x-other", parameters: [.init("level", "9")]),
            ],
            headers: [
                .origin: "https://example.com", .cookie: "a=1; b=2", #require(Self.custom): "Grüße",
                .userAgent: "",
            ])
        let lines =
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v2.feed, v1.feed\r\n"
            + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other; level=9\r\n"
            + "Authorization: Basic dXNlcjpzZWNyZXQ=\r\nOrigin: https://example.com\r\nCookie: a=1; b=2\r\n"
            + "X-Trace: Grüße\r\nUser-Agent: \r\n"
        #expect(String(decoding: request.headerLines, as: UTF8.self) == lines)
        #expect(
            String(decoding: request.bytes, as: UTF8.self)
                == "GET /?token=a%20b HTTP/1.1\r\nHost: [2001:db8::9]:8080\r\n\(lines)\r\n")
    }

    @Test("An Authorization header wins over the URL's credentials") func authorizationHeaderWins() throws {
        let request = try request("wss://user:secret@example.com/", headers: [.authorization: "Bearer token"])
        let text = String(decoding: request.bytes, as: UTF8.self)
        #expect(text.contains("\r\nAuthorization: Bearer token\r\n"))
        #expect(text.split(separator: "Authorization:").count == 2)
    }

    @Test(
        "Headers of the handshake itself cannot be set",
        arguments: [
            "Host", "host", "Upgrade", "CONNECTION", "Content-Length", "transfer-encoding", "Sec-WebSocket-Key",
            "sec-websocket-version", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions",
            "Sec-WebSocket-Whatever",
        ])
    func handshakeHeadersCannotBeSet(name: String) throws {
        let name = try #require(HTTPField.Name(name))
        #expect(
            try refusal(headers: [name: "x"]).hasPrefix(
                "Header \(name.rawName) belongs to the opening handshake itself and cannot be set"))
    }

    @Test(
        "Other headers can be set",
        arguments: ["Origin", "Cookie", "User-Agent", "Authorization", "Sec-Fetch-Mode", "X-Sec-WebSocket-Key"])
    func otherHeadersCanBeSet(name: String) throws {
        let name = try #require(HTTPField.Name(name))
        let text = String(decoding: try request(headers: [name: "value"]).bytes, as: UTF8.self)
        #expect(text.contains("\r\n\(name.rawName): value\r\n"))
    }

    @Test(
        "A subprotocol that is no token is refused",
        arguments: ["", "a b", "a,b", "a\r\nX-Evil: 1", "a\u{0}", "ä", "a/b", "a;b", "\"a\""])
    func subprotocolMustBeToken(name: String) throws {
        let text = try refusal(subprotocols: ["good", name])
        #expect(text.contains("is not a token: RFC 6455 section 4.1"))
        #expect(!text.contains("\r") && !text.contains("\n") && !text.contains("\u{0}"))
    }

    @Test("A subprotocol offered twice is refused") func subprotocolsMustDiffer() throws {
        #expect(
            try refusal(subprotocols: ["a", "b", "a"]) == "Subprotocol \"a\" is offered twice (RFC 6455 section 4.1).")
        #expect(try refusal(subprotocols: ["a", "A"]) == "accepted")
    }

    @Test(
        "An extension that is not made of tokens is refused",
        arguments: [
            WebSocketExtension(""), WebSocketExtension("a\r\nb"), WebSocketExtension("a", parameters: [.init("b c")]),
            WebSocketExtension("a", parameters: [.init("b", "c\r\n")]),
            WebSocketExtension("a", parameters: [.init("b", "")]),
        ])
    func extensionMustBeTokens(offer: WebSocketExtension) throws {
        #expect(try refusal(extensions: [offer]).contains("is not made of tokens (RFC 6455 section 9.1)"))
    }

    /// `HTTPField` turns line breaks into spaces by itself; its lenient form keeps other control characters.
    @Test(
        "No header value can add a line or carry a control character",
        arguments: ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\u{0}b", "a\u{1}b", "a\u{1B}[31m", "a\u{7F}"])
    func valuesCannotAddLines(value: String) throws {
        for field in [
            HTTPField(name: .origin, value: value), HTTPField(name: .origin, lenientValue: Array(value.utf8)),
        ] {
            var headers = HTTPFields()
            headers.append(field)
            let text: String
            do {
                text = String(decoding: try request(headers: headers).bytes, as: UTF8.self)
            } catch let error as InvalidUpgradeRequest {
                #expect(error.description.contains("The value of header Origin has a control character at byte 1"))
                continue
            }
            #expect(text.split(separator: "\r\n", omittingEmptySubsequences: false).count == 9)
            #expect(!text.contains("\r\nX-Evil"))
            #expect(text.unicodeScalars.allSatisfy { $0 == "\r" || $0 == "\n" || $0.value >= 0x20 })
        }
    }

    @Test("A request larger than the limit is refused with both sizes") func tooLargeRequestIsRefused() throws {
        let size = try request(headers: [.cookie: "a"]).bytes.count
        #expect(try refusal(headers: [.cookie: "a"], maximumSize: size) == "accepted")
        #expect(
            try refusal(headers: [.cookie: "a"], maximumSize: size - 1).hasPrefix(
                "The opening handshake takes \(size) bytes, more than the \(size - 1) allowed"))
        let long = String(repeating: "x", count: 20_000)
        #expect(try refusal(headers: [.cookie: long]).contains("more than the 16384 allowed"))
    }
}

import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite struct HandshakeResponseTests {
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    private static let deflate = WebSocketExtension("permessage-deflate", parameters: [.init("client_max_window_bits")])

    private static func fields(_ lines: [(String, String)]) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in lines {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        return fields
    }

    private static let good = [
        ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept),
    ]

    private static func without(_ name: String, _ more: (String, String)...) -> [(String, String)] {
        good.filter { $0.0 != name } + more
    }

    private func validate(
        status: HTTPResponse.Status = .switchingProtocols, _ lines: [(String, String)], subprotocols: [String] = [],
        extensions: [WebSocketExtension] = []
    ) throws -> HandshakeResponse {
        let request = try UpgradeRequest(
            endpoint: Endpoint("wss://example.com/"), key: #require(HandshakeKey(received: "dGhlIHNhbXBsZSBub25jZQ==")),
            subprotocols: subprotocols, extensions: extensions)
        return try HandshakeResponse(status: status, headers: Self.fields(lines), answering: request)
    }

    @Test(
        "A right answer is accepted, with all of its headers",
        arguments: [
            good,
            [("upgrade", "WebSocket"), ("CONNECTION", "keep-alive, uPGRADE"), ("Sec-WebSocket-Accept", accept)],
            [("Upgrade", "h2c"), ("Upgrade", "websocket"), ("Connection", "x,"), ("Connection", ",Upgrade")]
                + [("Sec-WebSocket-Accept", "  \(accept) ")],
            good + [("Server", "test"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")],
            good + [("Content-Length", "0")], good + [("Content-Length", "100")],
            good + [("Transfer-Encoding", "chunked")],
        ])
    func rightAnswerIsAccepted(lines: [(String, String)]) throws {
        let response = try validate(lines)
        #expect(response.status == .switchingProtocols)
        #expect(response.headers == Self.fields(lines))
        #expect(response.subprotocol == nil)
        #expect(response.extensions == [])
    }

    @Test("A reason phrase of the server's own changes nothing") func reasonPhraseChangesNothing() throws {
        let status = HTTPResponse.Status(code: 101, reasonPhrase: "Web Socket Protocol Handshake")
        #expect(try validate(status: status, Self.good).status.code == 101)
    }

    @Test(
        "A wrong answer is refused with what is wrong",
        arguments: [
            (without("Upgrade"), .upgrade(found: nil), "header Upgrade is missing (RFC 6455 section 4.1)"),
            (
                without("Upgrade", ("Upgrade", "h2c")), .upgrade(found: "h2c"),
                "header Upgrade is \"h2c\" instead of \"websocket\""
            ),
            (
                without("Upgrade", ("Upgrade", "websockets")), .upgrade(found: "websockets"),
                "header Upgrade is \"websockets\""
            ),
            (without("Connection"), .connection(found: nil), "header Connection is missing"),
            (
                without("Connection", ("Connection", "close")), .connection(found: "close"),
                "header Connection is \"close\" without \"Upgrade\""
            ),
            (
                without("Sec-WebSocket-Accept"), .accept(expected: accept, found: nil),
                "header Sec-WebSocket-Accept is missing"
            ),
            (
                without("Sec-WebSocket-Accept", ("Sec-WebSocket-Accept", "AAAA")),
                .accept(expected: accept, found: "AAAA"),
                "header Sec-WebSocket-Accept is \"AAAA\" instead of \"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\""
            ),
            (
                without("Sec-WebSocket-Accept", ("Sec-WebSocket-Accept", "S3PPLMBITXAQ9KYGZZHZRBK+XOO=")),
                .accept(expected: accept, found: "S3PPLMBITXAQ9KYGZZHZRBK+XOO="), "instead of"
            ),
            (
                good + [("Sec-WebSocket-Accept", accept)], .accept(expected: accept, found: "\(accept), \(accept)"),
                "instead of"
            ),
        ] as [([(String, String)], HandshakeViolation.Rule, String)])
    func wrongAnswerIsRefused(
        lines: [(String, String)], rule: HandshakeViolation.Rule, text: String
    ) {
        expect(rule, text) { try validate(lines) }
    }

    @Test("Another status is no acceptance", arguments: [200, 301, 404, 100, 503])
    func otherStatusIsNoAcceptance(code: Int) {
        expect(.statusNot101(code), "status \(code) instead of 101") {
            try validate(status: .init(code: code), Self.good)
        }
    }

    @Test("The subprotocol is one of those offered") func subprotocolIsOneOffered() throws {
        let lines = Self.good + [("Sec-WebSocket-Protocol", "v1")]
        #expect(try validate(lines, subprotocols: ["v2", "v1"]).subprotocol == "v1")
        #expect(try validate(Self.good, subprotocols: ["v2"]).subprotocol == nil)
        expect(.subprotocolNotOffered("v1", offered: []), "subprotocol \"v1\" was chosen, but none was offered") {
            try validate(lines)
        }
        expect(
            .subprotocolNotOffered("v1", offered: ["v2", "V1"]),
            "subprotocol \"v1\" is not one of those offered: v2, V1"
        ) {
            try validate(lines, subprotocols: ["v2", "V1"])
        }
        for several in [
            [("Sec-WebSocket-Protocol", "v1, v2")],
            [("Sec-WebSocket-Protocol", "v1"), ("Sec-WebSocket-Protocol", "v2")],
        ] {
            expect(.severalSubprotocols(["v1", "v2"]), "several subprotocols were chosen: \"v1, v2\"") {
                try validate(Self.good + several, subprotocols: ["v1", "v2"])
            }
        }
        expect(.subprotocolNotOffered("", offered: ["v1"]), "subprotocol \"\" is not one of those offered: v1") {
            try validate(Self.good + [("Sec-WebSocket-Protocol", "")], subprotocols: ["v1"])
        }
    }

    @Test("Extensions are among those offered") func extensionsAreAmongOffered() throws {
        let answer = Self.good + [("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=12")]
        #expect(
            try validate(answer, extensions: [Self.deflate]).extensions
                == [WebSocketExtension("permessage-deflate", parameters: [.init("server_max_window_bits", "12")])])
        expect(.extensionNotOffered("permessage-deflate"), "extension \"permessage-deflate\" was not offered") {
            try validate(answer)
        }
        expect(.extensionNotOffered("x"), "extension \"x\" was not offered") {
            try validate(answer + [("Sec-WebSocket-Extensions", "x")], extensions: [Self.deflate])
        }
        expect(
            .extensionsMalformed("a b"), "header Sec-WebSocket-Extensions is malformed: \"a b\" (RFC 6455 section 9.1)"
        ) {
            try validate(Self.good + [("Sec-WebSocket-Extensions", "a b")], extensions: [Self.deflate])
        }
    }

    @Test("What a server wrote cannot disturb a terminal or fill a log") func serverTextIsHarmless() {
        let value = String(repeating: "é", count: 5_000)
        expect(.upgrade(found: value), "…\" instead of") {
            try validate(Self.without("Upgrade", ("Upgrade", value)))
        }
        let violation = HandshakeViolation(.upgrade(found: "\u{1B}[31m\r\n" + value))
        #expect(violation.description.utf8.allSatisfy { $0 >= 0x20 })
        #expect(violation.description.count < 1_000)
    }

    private func expect(
        _ rule: HandshakeViolation.Rule, _ text: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () throws -> HandshakeResponse
    ) {
        let violation = #expect(throws: HandshakeViolation.self, sourceLocation: sourceLocation) { try body() }
        #expect(violation?.rule == rule, sourceLocation: sourceLocation)
        #expect(
            violation?.description.contains(text) == true, "\(violation?.description ?? "")",
            sourceLocation: sourceLocation)
        #expect(
            violation?.description.hasPrefix("The server's answer to the opening handshake is invalid: ") == true,
            sourceLocation: sourceLocation)
    }
}

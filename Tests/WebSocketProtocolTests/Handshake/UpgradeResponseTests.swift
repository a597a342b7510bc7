import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite struct UpgradeResponseTests {
    private func offer(_ subprotocols: String = "v1, v2") throws -> UpgradeOffer {
        try UpgradeOffer(
            UpgradeRequestHead(
                method: "GET", target: "/", version: "HTTP/1.1",
                headers: [
                    #require(HTTPField.Name("Host")): "example.com", .upgrade: "websocket", .connection: "Upgrade",
                    .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ==", .secWebSocketVersion: "13",
                    .secWebSocketProtocol: subprotocols,
                ]))
    }

    @Test("The plain acceptance is this, to the last byte") func plainAcceptance() throws {
        let expected =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        #expect(String(decoding: try UpgradeResponse.accepting(offer()), as: UTF8.self) == expected)
    }

    @Test("An acceptance with everything has one line for each, and no line more") func fullAcceptance() throws {
        let bytes = try UpgradeResponse.accepting(
            offer(),
            subprotocol: "v2",
            extensions: [WebSocketExtension("x", parameters: [.init("a", "1")])],
            headers: [.server: "test", .setCookie: "a=1\r\nX-Evil: 1"])
        let expected =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: v2\r\n"
            + "Sec-WebSocket-Extensions: x; a=1\r\nServer: test\r\nSet-Cookie: a=1  X-Evil: 1\r\n\r\n"
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test(
        "Headers of the handshake itself cannot be added to an acceptance",
        arguments: [
            "Upgrade", "connection", "Content-Length", "TRANSFER-ENCODING", "Host", "Sec-WebSocket-Accept",
            "Sec-WebSocket-Protocol", "sec-websocket-extensions", "Sec-WebSocket-Whatever",
        ])
    func handshakeHeadersCannotBeAdded(name: String) throws {
        let name = try #require(HTTPField.Name(name))
        let rejection = try #require(throws: UpgradeRejection.self) {
            try UpgradeResponse.accepting(offer(), headers: [.server: "test", name: "x"])
        }
        #expect(rejection.status == .internalServerError)
        #expect(
            rejection.message
                == "Header \(name.rawName) belongs to the opening handshake itself and cannot be set (RFC 6455 section 4)."
        )
    }

    @Test(
        "A subprotocol that was not offered cannot be chosen", arguments: ["v3", "V1", "", "v1, v2", "v1\r\nX-Evil: 1"])
    func subprotocolMustBeOffered(name: String) throws {
        let rejection = try #require(throws: UpgradeRejection.self) {
            try UpgradeResponse.accepting(offer(), subprotocol: name)
        }
        #expect(rejection.status == .internalServerError)
        #expect(rejection.message.hasSuffix(" was chosen, but not offered (RFC 6455 section 4.2.2)."))
        #expect(!rejection.message.contains("\r"))
    }

    @Test("A value with a control character cannot be added to an acceptance")
    func controlCharactersCannotBeAdded() throws {
        var headers = HTTPFields()
        headers.append(HTTPField(name: .server, lenientValue: Array("a\u{1B}[31m".utf8)))
        let rejection = try #require(throws: UpgradeRejection.self) {
            try UpgradeResponse.accepting(offer(), headers: headers)
        }
        #expect(
            rejection.message == "The value of header Server has a control character at byte 1 (RFC 9110 section 5.5).")
    }

    @Test("How long a refusal's body is, no header of the program can say otherwise") func bodyLengthIsOurs() {
        let bytes = UpgradeResponse.refusing(
            .forbidden, headers: [.contentLength: "7", .transferEncoding: "chunked"], body: Array("no".utf8))
        let expected =
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n"
            + "Content-Type: text/plain; charset=utf-8\r\n\r\nno"
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test("A refusal ends the connection and says how long its body is") func refusalEndsConnection() {
        let bytes = UpgradeResponse.refusing(.forbidden, headers: [.retryAfter: "5"], body: Array("nø\n".utf8))
        let expected =
            "HTTP/1.1 403 Forbidden\r\nRetry-After: 5\r\nContent-Length: 4\r\nConnection: close\r\n"
            + "Content-Type: text/plain; charset=utf-8\r\n\r\nnø\n"
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
        #expect(
            String(decoding: UpgradeResponse.refusing(.notFound), as: UTF8.self)
                == "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    }

    @Test("A rejection becomes a response with its headers and its message") func rejectionBecomesResponse() {
        let rejection = UpgradeRejection(
            .upgradeRequired, headers: [.upgrade: "websocket", .connection: "Upgrade"], "Speak WebSocket.")
        let expected =
            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 17\r\n"
            + "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSpeak WebSocket.\n"
        #expect(String(decoding: UpgradeResponse.refusing(rejection), as: UTF8.self) == expected)
    }
}

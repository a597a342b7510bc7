import HTTPTypes
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Upgrade requests, good and bad, and what a server makes of them.
@Suite(.hangs) struct WebSocketServerHandshakeTests {
    @Test("The handler sees the request as the client wrote it")
    func request() async throws {
        let requests = Relay<WebSocketServer.Request>()
        let configuration = WebSocketConfiguration(
            headers: [.authorization: "Bearer token", HTTPField.Name("X-Case")!: "Kept"], subprotocols: ["v2", "v1"])
        try await withServer(client: configuration, handler: { _, request in requests.give(request) }) { pair in
            let client = try await pair.connect(path: "/a%20path/?query=1&b=%C3%A9")
            let request = try await requests.take()
            #expect(request.target == "/a%20path/?query=1&b=%C3%A9")
            #expect(request.headers[.authorization] == "Bearer token")
            #expect(request.headers[HTTPField.Name("x-case")!] == "Kept")
            #expect(request.headers[HTTPField.Name("Host")!] == "127.0.0.1:\(pair.server.port)")
            #expect(request.subprotocols == ["v2", "v1"])
            #expect(request.peer.hasPrefix("127.0.0.1:"))
            _ = client
        }
    }

    @Test("A server chooses a subprotocol and adds headers")
    func accepting() async throws {
        let server = WebSocketServer.Configuration(decide: { request in
            .accept(subprotocol: request.subprotocols.last, headers: [.server: "tests", .setCookie: "a=1"])
        })
        try await withServer(configuration: server, client: WebSocketConfiguration(subprotocols: ["v1", "v2"])) {
            pair in
            let (client, accepted) = try await pair.connectPair()
            #expect(client.handshake.subprotocol == "v2")
            #expect(accepted.handshake.subprotocol == "v2")
            #expect(client.handshake.headers[.server] == "tests")
            #expect(client.handshake.headers[.setCookie] == "a=1")
        }
    }

    @Test(
        "A decision that would break the handshake is the server's own fault: 500, a line in the log, and no handler",
        arguments: [
            (
                .accept(headers: [.secWebSocketExtensions: "permessage-deflate"]),
                "Header Sec-WebSocket-Extensions belongs to the opening handshake itself and cannot be set"
            ),
            (.accept(subprotocol: "v9"), "Subprotocol \"v9\" was chosen, but not offered"),
        ] as [(WebSocketServer.Decision, String)])
    func unusableDecision(decision: WebSocketServer.Decision, reason: String) async throws {
        let handled = Counter()
        let lines = LogLines()
        let server = WebSocketServer.Configuration(logger: lines.logger(), decide: { _ in decision })
        try await withServer(configuration: server, handler: { _, _ in handled.increment() }) { pair in
            let error = await #expect(throws: WebSocketError.self) { try await pair.connect() }
            #expect(error?.code == .upgradeRefused)
            #expect(error?.refusal?.status == .internalServerError)
            #expect(error.map { String(decoding: $0.refusal?.body ?? [], as: UTF8.self) }?.hasPrefix(reason) == true)
            #expect(
                lines.all.contains { $0.hasPrefix("error refused a request") && $0.contains(reason) }, "\(lines.all)")
            #expect(handled.value == 0)
        }
    }

    @Test("A server refuses with any status, headers and body", arguments: Security.allCases)
    func refusing(security: Security) async throws {
        let handled = Counter()
        let server = WebSocketServer.Configuration(decide: { request in
            request.target == "/busy"
                ? .refuse(.serviceUnavailable, headers: [.retryAfter: "3"], body: "come back later")
                : .refuse(.forbidden, body: String(repeating: "x", count: 100_000))
        })
        try await withServer(security, configuration: server, handler: { _, _ in handled.increment() }) { pair in
            let busy = await #expect(throws: WebSocketError.self) { try await pair.connect(path: "/busy") }
            #expect(busy?.refusal?.status == .serviceUnavailable)
            #expect(busy?.refusal?.retryAfter == .seconds(3))
            #expect(busy?.refusal.map { String(decoding: $0.body, as: UTF8.self) } == "come back later")
            let forbidden = await #expect(throws: WebSocketError.self) { try await pair.connect(path: "/") }
            #expect(forbidden?.refusal?.status == .forbidden)
            #expect(forbidden?.refusal?.body.count == 64 << 10)
            #expect(handled.value == 0)
        }
    }

    // MARK: - Clients that are none

    /// The fields that a right request has besides its target and `Host`.
    private static let otherLines =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    static let requests: [(String, Int)] = [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426),
        ("POST / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 405),
        ("GET / HTTP/1.0\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 505),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n",
            426
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
            400
        ),
        ("GET * HTTP/1.1\r\nHost: x\r\n\(otherLines)", 400),
        ("GET http://x/ HTTP/1.1\r\nHost: x\r\n\(otherLines)", 400),
        ("GET /a#b HTTP/1.1\r\nHost: x\r\n\(otherLines)", 400),
        ("GET / HTTP/1.1\r\n\(otherLines)", 400),
        ("GET / HTTP/1.1\r\nHost:\r\n\(otherLines)", 400),
        ("GET / HTTP/1.1\r\nHost: x y\r\n\(otherLines)", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\(otherLines)", 400),
        ("complete nonsense\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}", 400),
        ("GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\n", 431),
    ]

    @Test(
        "What is no acceptable upgrade request is answered with the fitting status, and no handler sees it",
        arguments: requests)
    func badRequests(request: String, status: Int) async throws {
        let handled = Counter()
        try await withServer(handler: { _, _ in handled.increment() }) { pair in
            let client = try RawClient(port: pair.server.port)
            try await client.write(request)
            let answer = String(decoding: try await client.readToEnd(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
            #expect(answer.contains("\r\n\r\n"))
            #expect(handled.value == 0)
        }
    }

    @Test("A client that says nothing is given up after handshakeTimeout", arguments: Security.allCases)
    func handshakeTimeout(security: Security) async throws {
        let configuration = WebSocketServer.Configuration(handshakeTimeout: .milliseconds(100))
        try await withServer(security, configuration: configuration, handler: ServerPair.echo) { pair in
            let silent = try RawClient(port: pair.server.port)
            #expect(try await silent.readToEnd() == [])
            let half = try RawClient(port: pair.server.port)
            try await half.write(security == .tls ? "\u{16}\u{3}" : "GET / HTTP/1.1\r\n")
            #expect(try await half.readToEnd() == [])
        }
    }

    @Test("Plain HTTP on the port of a wss: server is given up, and others go on")
    func plainOnTLS() async throws {
        try await withServer(.tls, handler: ServerPair.echo) { pair in
            // Often, because it depends on how fast the bytes are there whether libwebsockets takes the connection at all.
            for _ in 0..<50 {
                let client = try RawClient(port: pair.server.port)
                try await client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = try await client.readToEnd()
            }
            let socket = try await pair.connect()
            try await socket.send("alive")
            #expect(try await socket.receive(1) == [.text("alive")])
        }
    }

    static let frames: [([UInt8], UInt16)] = [
        ([0x81, 0x01, 0x61], 1002),  // not masked
        ([0xC1, 0x80, 0, 0, 0, 0], 1002),  // RSV1
        ([0x83, 0x80, 0, 0, 0, 0], 1002),  // opcode 3
        ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),  // not UTF-8
        ([0x82, 0xFF, 0, 0, 0, 0, 0x7F, 0, 0, 0, 0, 0, 0, 0], 1009),  // 2 GiB
    ]

    @Test("Frames that break the protocol are told so, in the server's role too", arguments: frames)
    func badFrames(bytes: [UInt8], code: UInt16) async throws {
        try await withServer { pair in
            let client = try RawClient(port: pair.server.port)
            try await client.upgrade()
            let accepted = try await pair.accepted.take()
            try await client.write(bytes)
            let answer = try await client.readToEnd()
            #expect(answer.prefix(4).dropFirst(2) == [UInt8(code >> 8), UInt8(code & 0xFF)])
            await #expect(throws: WebSocketError.self) { try await accepted.receiveAll() }
        }
    }

    @Test("A frame in the packet of the request is not lost")
    func frameWithTheRequest() async throws {
        try await withServer { pair in
            let client = try RawClient(port: pair.server.port)
            try await client.upgrade(trailing: [0x81, 0x82, 0, 0, 0, 0] + Array("hi".utf8))
            let accepted = try await pair.accepted.take()
            #expect(try await accepted.receive(1) == [.text("hi")])
        }
    }
}

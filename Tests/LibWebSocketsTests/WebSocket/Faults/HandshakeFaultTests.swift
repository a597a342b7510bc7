import HTTPTypes
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Answers to the opening handshake: refusals arrive whole, wrong ones are refused with the rule they break.
@Suite("Refusals and wrong answers to the opening handshake", .hangs) struct HandshakeFaultTests {
    private func failure(
        of script: [FaultServer.Step], security: Security = .plain, configuration: WebSocketConfiguration = .init()
    ) async throws -> (error: WebSocketError, port: UInt16) {
        var result: (WebSocketError, UInt16)?
        try await withFaultServer(listening: script, security: security, configuration: configuration) {
            server, connect in
            do {
                _ = try await connect()
            } catch let error as WebSocketError {
                result = (error, server.port)
            }
            try await eventually("the failed attempt keeps its socket") {
                OpenSockets.connected(to: Int(server.port)) == 0
            }
        }
        return try #require(result)
    }

    /// With this, what should not be waited for must not be waited for.
    private static let patient = WebSocketConfiguration(connectTimeout: .seconds(86_400))

    // MARK: - Refusals

    @Test(
        "A refusal arrives with status, headers and body", arguments: Security.allCases,
        [
            (200, "no WebSocket endpoint is at this path"), (301, "it redirects to https://new.example/"),
            (302, "it redirects to https://new.example/"), (400, "its body may say why"),
            (401, "check the credentials"),
            (403, "check the credentials"), (404, "check the URL's path"), (429, "try again in 7.0 s"),
            (500, "its body may say why"), (503, "try again in 7.0 s"),
        ] as [(Int, String)])
    func refusal(security: Security, row: (status: Int, advice: String)) async throws {
        let (error, port) = try await failure(
            of: [
                .readRequest,
                .respond(
                    status: row.status,
                    headers: [
                        ("Location", "https://new.example/"), ("Retry-After", "7"), ("X-Custom", "kept"),
                        ("Set-Cookie", "a=1"),
                        ("Set-Cookie", "b=2"),
                    ],
                    body: "the reason"),
            ], security: security)
        #expect(error.code == .upgradeRefused)
        #expect(error.stage == .upgrade)
        let scheme = security == .tls ? "wss" : "ws"
        #expect(
            error.message.hasPrefix("\(scheme)://127.0.0.1:\(port)/ refused the upgrade with status \(row.status): "))
        #expect(error.message.contains(row.advice))
        let refusal = try #require(error.refusal)
        #expect(refusal.status.code == row.status)
        #expect(refusal.headers[HTTPField.Name("X-Custom")!] == "kept")
        #expect(refusal.headers[values: .setCookie] == ["a=1", "b=2"])
        #expect(refusal.headers[.location] == "https://new.example/")
        #expect(refusal.retryAfter == .seconds(7))
        #expect(String(decoding: refusal.body, as: UTF8.self) == "the reason")
    }

    @Test("A refusal's body can come in chunks, until the end of the connection, or not at all")
    func bodyForms() async throws {
        let forms: [(String, String)] = [
            ("Transfer-Encoding: chunked\r\n\r\n4\r\nthe \r\n6\r\nreason\r\n0\r\n\r\n", "the reason"),
            ("Connection: close\r\n\r\nthe reason", "the reason"),
            ("Content-Length: 0\r\n\r\n", ""),
        ]
        for (answer, body) in forms {
            let (error, _) = try await failure(of: [
                .readRequest, .write("HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\(answer)"),
            ])
            #expect(error.code == .upgradeRefused)
            #expect(error.refusal.map { String(decoding: $0.body, as: UTF8.self) } == body)
            #expect(error.refusal?.retryAfter == .seconds(1))
        }
    }

    @Test("Of a body without end the first 64 KiB are kept", arguments: Security.allCases)
    func endlessBody(security: Security) async throws {
        let (error, _) = try await failure(
            of: [
                .readRequest, .write("HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n"),
                .flood(Array("all work and no play ".utf8)),
            ], security: security)
        #expect(error.code == .upgradeRefused)
        #expect(error.refusal?.body.count == 64 << 10)
        #expect(
            error.refusal.map { String(decoding: $0.body.prefix(30), as: UTF8.self) }
                == "all work and no play all work ")
    }

    @Test("A refusal that arrives byte by byte is the same")
    func slowRefusal() async throws {
        let answer = Array("HTTP/1.1 429 Slow Down\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nwait".utf8)
        let (error, _) = try await failure(of: [.readRequest, .writeSlowly(answer, chunk: 1)])
        #expect(error.refusal?.status.code == 429)
        #expect(error.refusal?.retryAfter == .seconds(3))
        #expect(error.refusal?.body == Array("wait".utf8))
    }

    @Test("An answer that has no body is not waited for", arguments: [204, 304])
    func noBody(status: Int) async throws {
        let (error, _) = try await failure(
            of: [.readRequest, .write("HTTP/1.1 \(status) Nothing\r\n\r\n"), .stall], configuration: Self.patient)
        #expect(error.code == .upgradeRefused)
        #expect(error.refusal?.status.code == status)
        #expect(error.refusal?.body == [])
    }

    // MARK: - Answers that break RFC 6455

    struct Answer: Sendable, CustomTestStringConvertible {
        let name: String
        let response: FaultServer.UpgradeResponse
        var subprotocols: [String] = []
        /// The words that the text must have.
        let words: String

        var testDescription: String { name }
    }

    static let wrongAnswers: [Answer] = [
        Answer(
            name: "wrong accept", response: .init(accept: .value("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
            words: "header Sec-WebSocket-Accept is \"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\" instead of \""),
        Answer(name: "no accept", response: .init(accept: .omitted), words: "header Sec-WebSocket-Accept is missing"),
        Answer(
            name: "empty accept", response: .init(accept: .value("")), words: "header Sec-WebSocket-Accept is"),
        Answer(name: "no Upgrade", response: .init(upgrade: nil), words: "header Upgrade is missing"),
        Answer(
            name: "wrong Upgrade", response: .init(upgrade: "h2c"),
            words: "header Upgrade is \"h2c\" instead of \"websocket\""),
        Answer(name: "no Connection", response: .init(connection: nil), words: "header Connection is missing"),
        Answer(
            name: "wrong Connection", response: .init(connection: "keep-alive"),
            words: "header Connection is \"keep-alive\" without \"Upgrade\""),
        Answer(
            name: "unasked subprotocol", response: .init(headers: [("Sec-WebSocket-Protocol", "chat")]),
            words: "subprotocol \"chat\" was chosen, but none was offered"),
        Answer(
            name: "other subprotocol", response: .init(headers: [("Sec-WebSocket-Protocol", "chat")]),
            subprotocols: ["v1", "v2"], words: "subprotocol \"chat\" is not one of those offered: v1, v2"),
        Answer(
            name: "two subprotocols", response: .init(headers: [("Sec-WebSocket-Protocol", "v1, v2")]),
            subprotocols: ["v1", "v2"], words: "several subprotocols were chosen"),
        Answer(
            name: "subprotocol in other case", response: .init(headers: [("Sec-WebSocket-Protocol", "V1")]),
            subprotocols: ["v1"], words: "subprotocol \"V1\" is not one of those offered: v1"),
        Answer(
            name: "unasked extension", response: .init(headers: [("Sec-WebSocket-Extensions", "x-made-up; a=1")]),
            words: "extension \"x-made-up\" was not offered"),
    ]

    @Test("An answer that breaks a rule is refused with that rule", arguments: wrongAnswers)
    func wrongAnswer(answer: Answer) async throws {
        let (error, port) = try await failure(
            of: [.upgrade(answer.response), .readUntilEnd],
            configuration: WebSocketConfiguration(subprotocols: answer.subprotocols))
        #expect(error.code == .invalidHandshake)
        #expect(error.stage == .upgrade)
        #expect(error.message.contains(answer.words))
        #expect(error.message.hasSuffix("The server is ws://127.0.0.1:\(port)."))
    }

    /// The steps that send `response` with its beginning byte by byte. The rest, which depends on the request, comes at once.
    private static func pieces(of response: FaultServer.UpgradeResponse) -> [FaultServer.Step] {
        var rest = response
        // The text in place of the status line continues the value of the last header before it.
        rest.statusLine = "of a header"
        return [
            .readRequest, .writeSlowly(Array("\(response.statusLine)\r\nX-Cut: the value ".utf8), chunk: 1),
            .upgrade(rest),
        ]
    }

    @Test(
        "An answer that breaks a rule is refused with that rule also when it comes in pieces", arguments: wrongAnswers)
    func wrongAnswerInPieces(answer: Answer) async throws {
        let (error, _) = try await failure(
            of: Self.pieces(of: answer.response) + [.readUntilEnd],
            configuration: WebSocketConfiguration(subprotocols: answer.subprotocols))
        #expect(error.code == .invalidHandshake)
        #expect(error.message.contains(answer.words))
    }

    // MARK: - Answers that are right, but unusual

    @Test("Names and values of the answer count without regard to case, and Connection may list more")
    func caseInsensitive() async throws {
        let response = FaultServer.UpgradeResponse(upgrade: "WebSocket", connection: "keep-alive, UPGRADE")
        try await withFaultServer([.upgrade(response), .write(.text("on")), .stall]) { _, socket in
            let received = try await socket.receive(1)
            #expect(received == [.text("on")])
        }
    }

    @Test("Frames in the same packet as the answer arrive", arguments: Security.allCases)
    func framesWithTheAnswer(security: Security) async throws {
        let frames =
            FaultServer.Frame.text("first").bytes + FaultServer.Frame.binary([UInt8](repeating: 5, count: 10_000)).bytes
        let script: [FaultServer.Step] = [
            .upgrade(.init(headers: [("X-Custom", "seen")], trailing: frames)), .write(.text("last"), .close(1000)),
            .readClose,
        ]
        try await withFaultServer(script, security: security) { _, socket in
            #expect(socket.handshake.headers[HTTPField.Name("X-Custom")!] == "seen")
            let received = try await socket.receiveAll()
            #expect(received == [.text("first"), .binary([UInt8](repeating: 5, count: 10_000)), .text("last")])
        }
    }

    @Test(
        "A whole conversation in the packet of the answer: messages, close frame and the end",
        arguments: Security.allCases)
    func everythingWithTheAnswer(security: Security) async throws {
        let frames = FaultServer.Frame.text("all").bytes + FaultServer.Frame.close(1001, reason: "bye").bytes
        try await withFaultServer([.upgrade(.init(trailing: frames))], security: security) { _, socket in
            let received = try await socket.receiveAll()
            #expect(received == [.text("all")])
            #expect(socket.closure?.received == CloseFrame(code: .goingAway, reason: "bye"))
        }
    }

    @Test(
        "An answer that comes byte by byte is accepted, and frames right behind it arrive", arguments: Security.allCases
    )
    func byteByByte(security: Security) async throws {
        let script = Self.pieces(
            of: .init(
                headers: [("Sec-WebSocket-Protocol", "v1"), ("Server", "slow")],
                trailing: FaultServer.Frame.text("behind").bytes))
        let configuration = WebSocketConfiguration(subprotocols: ["v1"])
        try await withFaultServer(script + [.stall], security: security, configuration: configuration) { _, socket in
            #expect(socket.handshake.subprotocol == "v1")
            #expect(socket.handshake.headers[.server] == "slow")
            let received = try await socket.receive(1)
            #expect(received == [.text("behind")])
        }
    }

    @Test("What was offered and chosen, and the whole answer, are visible afterwards")
    func visibleHandshake() async throws {
        let response = FaultServer.UpgradeResponse(headers: [
            ("Sec-WebSocket-Protocol", "v2"), ("X-Server", "fault"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
        ])
        let configuration = WebSocketConfiguration(
            headers: [.authorization: "Bearer token", .cookie: "c=3", .userAgent: "tests"], subprotocols: ["v1", "v2"])
        try await withFaultServer([.upgrade(response), .stall], configuration: configuration) { server, socket in
            #expect(socket.handshake.status == .switchingProtocols)
            #expect(socket.handshake.subprotocol == "v2")
            #expect(socket.handshake.extensions.isEmpty)
            #expect(socket.handshake.headers[HTTPField.Name("X-Server")!] == "fault")
            #expect(socket.handshake.headers[values: .setCookie] == ["a=1", "b=2"])
            socket.abort()
            let request = try await server.transcript()
            #expect(request.requestLine == "GET / HTTP/1.1")
            #expect(request.requestHeaders("Host") == ["127.0.0.1:\(server.port)"])
            #expect(request.requestHeaders("Upgrade") == ["websocket"])
            #expect(request.requestHeaders("Connection") == ["Upgrade"])
            #expect(request.requestHeaders("Sec-WebSocket-Version") == ["13"])
            #expect(request.requestHeaders("Sec-WebSocket-Key").count == 1)
            #expect(request.requestHeaders("Sec-WebSocket-Protocol") == ["v1, v2"])
            #expect(request.requestHeaders("Authorization") == ["Bearer token"])
            #expect(request.requestHeaders("Cookie") == ["c=3"])
            #expect(request.requestHeaders("User-Agent") == ["tests"])
            #expect(request.received.isEmpty)
        }
    }

    @Test("A long request arrives whole: neither path nor headers are cut", arguments: Security.allCases)
    func longRequest(security: Security) async throws {
        let path = "/" + String(repeating: "p", count: 6_000) + "?q=" + String(repeating: "q", count: 2_000)
        let token = String(repeating: "t", count: 6_000)
        let server = try FaultServer(tls: try security.faultServer, scripts: [[.upgrade(), .stall]])
        let loop = SocketLoop.forTest()
        var configuration = WebSocketConfiguration(headers: [.authorization: token])
        configuration.tls = try security.client
        let socket = try await WebSocket.connect(to: server.url(path: path), configuration: configuration, on: loop)
        socket.abort()
        let request = try await server.transcript()
        #expect(request.requestLine == "GET \(path) HTTP/1.1")
        #expect(request.requestHeaders("Authorization") == [token])
        await loop.shutDown()
        server.stop()
    }
}

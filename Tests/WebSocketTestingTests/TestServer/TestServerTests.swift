import HTTPTypes
import Synchronization
import Testing
import WebSocketTesting

@Suite(.timeLimit(.minutes(5))) struct TestServerTests {
    /// A server that says what it is, and a client that is connected to it.
    private static func with(
        _ handler: @escaping WebSocketServer.Handler = TestServer.echo, configuration: WebSocketConfiguration? = nil,
        _ body: (TestServer, WebSocket) async throws -> Void
    ) async throws {
        let server = try await TestServer.start(handler: handler)
        var client = configuration ?? WebSocketConfiguration()
        client.tls = server.clientTLS
        let socket = try await WebSocket.connect(to: server.url, configuration: client)
        // The handler has begun, and so the connection is one that faults can be done to.
        try await socket.send("hello")
        _ = try await server.received(atLeast: 1)
        try await body(server, socket)
        socket.abort()
        await server.kill()
    }

    @Test("One line starts a server that echoes, and it tells what it received")
    func oneLine() async throws {
        let server = try await TestServer.start()
        let socket = try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
        try await socket.send("hello")
        try await socket.send([1, 2, 3])
        #expect(try await socket.receive()?.text == "hello")
        #expect(try await socket.receive()?.payload == [1, 2, 3])
        #expect(server.received.map(\.text) == ["hello", nil])
        #expect(server.requests.map(\.target) == ["/"])
        await socket.close()
        await server.stop()
    }

    @Test("Replies come from a table, as many as it has for a text")
    func replies() async throws {
        let server = try await TestServer.start(
            handler: TestServer.replying(["list": [.text("a"), .text("b")], "ping": [.text("pong")]]))
        let socket = try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
        for text in ["unknown", "list", "ping"] { try await socket.send(text) }
        var answers: [String?] = []
        for _ in 0..<3 { answers.append(try await socket.receive()?.text) }
        #expect(answers == ["a", "b", "pong"])
        await socket.close()
        await server.stop()
    }

    @Test("A server that reads nothing brings its client's sending to a halt, until it reads again")
    func readsNothing() async throws {
        try await Self.with({ socket, _ in for try await _ in socket.messages {} }) { server, socket in
            await server.changeFaults { $0.readsNothing = true }
            #expect(server.faults.readsNothing)
            let chunk = WebSocketMessage.binary([UInt8](repeating: 7, count: 256 << 10))
            var sent = 0
            while try socket.trySend(chunk) { sent += 1 }
            let stuck = Task { try await socket.send(chunk) }
            #expect(server.received.count == 1)
            await server.changeFaults { $0.readsNothing = false }
            try await stuck.value
            _ = try await server.received(atLeast: sent + 2)
            #expect(server.receivedCount == sent + 2)
        }
    }

    @Test("A server that ignores pings is found by those who ping it, while messages still come and go")
    func ignoresPings() async throws {
        try await Self.with { server, socket in
            _ = try await socket.ping()
            await server.changeFaults { $0.ignoresPings = true }
            let unanswered = Task { try await socket.ping() }
            try await socket.send("still here")
            #expect(try await server.received(atLeast: 2).last?.text == "still here")
            await server.changeFaults { $0.ignoresPings = false }
            // Its pong answers the earlier one too (RFC 6455 section 5.5.3).
            _ = try await socket.ping()
            unanswered.cancel()
        }
    }

    @Test("A delay holds up what arrives, and nothing is lost")
    func delay() async throws {
        try await Self.with { server, socket in
            await server.changeFaults { $0.delay = .milliseconds(150) }
            let roundTrip = try await socket.ping()
            #expect(roundTrip >= .milliseconds(140))
            for index in 0..<3 { try await socket.send("\(index)") }
            #expect(try await server.received(atLeast: 4).map(\.text) == ["hello", "0", "1", "2"])
            await server.changeFaults { $0.delay = .zero }
        }
    }

    @Test("Aborted connections end without a close frame, and the server goes on")
    func aborts() async throws {
        try await Self.with { server, socket in
            server.abortConnections()
            #expect(try await socket.closed().code == .abnormalClosure)
            let next = try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
            await next.close()
        }
    }

    @Test(
        "Any close code can be sent, those that no peer may send too",
        arguments: [1_012, 4_000, nil, 1_005, 999, 5_000] as [UInt16?])
    func closeCodes(code: UInt16?) async throws {
        try await Self.with { server, socket in
            await server.closeConnections(code: code, reason: code == nil ? "" : "on purpose")
            let closure = try await socket.closed()
            if code.map({ CloseCode(rawValue: $0).isAllowedOnTheWire }) ?? true {
                #expect(closure.received?.code?.rawValue == code)
            } else {
                #expect(closure.sent?.code == .protocolError)
            }
        }
    }

    @Test("A frame that is cut off is a connection lost, and no message")
    func cuts() async throws {
        try await Self.with { server, socket in
            let echo = try await socket.receive()
            #expect(echo?.text == "hello")
            await server.cutConnections(in: "half of it")
            let error = await #expect(throws: WebSocketError.self) { _ = try await socket.receive() }
            #expect(error?.code == .connectionLost)
        }
    }

    @Test("The next requests are refused as told, and those after them are not")
    func refusals() async throws {
        let server = try await TestServer.start()
        server.refuseConnections(2, status: .tooManyRequests, headers: [.retryAfter: "7"], body: "later")
        for _ in 0..<2 {
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
            }
            #expect(error?.refusal?.status == .tooManyRequests)
            #expect(error?.refusal?.headers[.retryAfter] == "7")
        }
        let socket = try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
        #expect(server.requests.count == 3)
        await socket.close()
        await server.stop()
    }

    @Test("Versions of TLS are bounded, and client certificates demanded")
    func tls() async throws {
        let server = try await TestServer.start(maximumVersion: .tls12, requiresClientCertificate: true)
        let socket = try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
        #expect(socket.tls?.version == .tls12)
        await socket.close()
        var tls = server.clientTLS
        tls.clientIdentity = nil
        let bare = WebSocketConfiguration(tls: tls)
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocket.connect(to: server.url, configuration: bare)
        }
        #expect(error?.tlsFailure?.reason == .clientCertificateRequired)
        await server.stop()
    }

    @Test("Restarted with another certificate on the same port, it is refused by who trusted the first")
    func otherCertificate() async throws {
        let server = try await TestServer.start()
        let (url, client) = (server.url, server.clientConfiguration)
        await (try await WebSocket.connect(to: url, configuration: client)).close()
        try await server.restart { try $0.issue(names: ["localhost"], validity: .expired) }
        #expect(server.url == url)
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocket.connect(to: url, configuration: client)
        }
        #expect(error?.tlsFailure?.reason == .expired)
        try await server.restart { try $0.issue(names: ["localhost"]) }
        await (try await WebSocket.connect(to: url, configuration: client)).close()
        await server.stop()
    }

    @Test("Fifty servers run side by side, each with its own port, authority and messages")
    func fifty() async throws {
        let ports = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<50 {
                group.addTask {
                    let server = try await TestServer.start()
                    let socket = try await WebSocket.connect(
                        to: server.url, configuration: server.clientConfiguration)
                    try await socket.send("\(index)")
                    #expect(try await socket.receive()?.text == "\(index)")
                    await server.kill()
                    try await server.restart()
                    let again = try await WebSocket.connect(
                        to: server.url, configuration: server.clientConfiguration)
                    await again.close()
                    #expect(server.received.map(\.text) == ["\(index)"])
                    await server.stop()
                    return server.port
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(ports.count == 50)
    }

    @Test("A stopped server keeps its port: nobody else gets it meanwhile, on either loopback address")
    func keepsPort() async throws {
        let server = try await TestServer.start()
        await server.stop()
        var others: [FaultServer] = []
        for address in FaultServer.Address.allCases {
            for _ in 0..<200 { others.append(try FaultServer(address: address, scripts: [[]])) }
        }
        #expect(!others.contains { Int($0.port) == server.port })
        try await server.restart()
        for other in others { other.stop() }
        await server.stop()
    }
}

import HTTPTypes
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.hangs) struct WebSocketServerTests {
    // MARK: - Listening

    @Test(
        "It listens on loopback only, on a port of the system's choice, and its URL says where",
        arguments: Security.allCases)
    func url(security: Security) async throws {
        try await withServer(security, handler: ServerPair.echo) { pair in
            #expect(pair.server.port > 0)
            #expect(pair.server.url == "\(security == .tls ? "wss" : "ws")://127.0.0.1:\(pair.server.port)")
        }
        try await withServer(security, configuration: .init(host: "::1"), handler: ServerPair.echo) { pair in
            #expect(pair.server.url == "\(security == .tls ? "wss" : "ws")://[::1]:\(pair.server.port)")
            let client = try await pair.connect()
            try await client.send("over IPv6")
            #expect(try await client.receive(1) == [.text("over IPv6")])
        }
    }

    @Test("localhost finds it, though the name's first address may be another one", arguments: Security.allCases)
    func localhost(security: Security) async throws {
        let addresses = try await withCheckedThrowingContinuation { continuation in
            Resolver.addresses(of: "localhost", port: 0) { continuation.resume(with: $0) }
        }
        for host in addresses.map(\.host) {
            try await withServer(security, configuration: .init(host: host), handler: ServerPair.echo) { pair in
                let url = "\(security == .tls ? "wss" : "ws")://localhost:\(pair.server.port)/"
                let client = try await WebSocket.connect(
                    to: url, configuration: pair.configuration, on: pair.clientLoop)
                try await client.send("found")
                #expect(try await client.receive(1) == [.text("found")])
            }
        }
    }

    @Test(
        "An address that cannot be listened on is an error that names it and says why",
        arguments: [
            ("localhost", 0, "is not an IPv4 or IPv6 address"), ("", 0, "is not an IPv4 or IPv6 address"),
            ("127.0.0.1", -1, "the port is not between 0 and 65535"),
            ("127.0.0.1", 65_536, "the port is not between 0 and 65535"),
            ("192.0.2.1", 0, "Cannot assign requested address"),
        ])
    func unusableAddress(host: String, port: Int, reason: String) async throws {
        let loop = EventLoop.forTest()
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocketServer.start(configuration: .init(host: host, port: port), on: loop) { _, _ in }
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.stage == .configuration)
        #expect(error?.message.hasPrefix("the server cannot listen on \(host):\(port): ") == true)
        #expect(error?.message.contains(reason) == true)
        await loop.shutdown()
    }

    @Test("A port that is taken is an error with the system's number")
    func portInUse() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocketServer.start(configuration: .init(port: pair.server.port), on: pair.serverLoop) {
                    _, _ in
                }
            }
            #expect(error?.message.contains("Address already in use") == true)
            #expect(error?.errno == 98)
            // The one that has the port goes on.
            let client = try await pair.connect()
            try await client.send("alive")
            #expect(try await client.receive(1) == [.text("alive")])
        }
    }

    @Test("A certificate that cannot be used fails the start, and nothing listens")
    func unusableCertificate() async throws {
        let loop = EventLoop.forTest()
        let identity = TLSIdentity.pem(certificateChain: "no certificate", privateKey: "no key")
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocketServer.start(
                configuration: .init(tls: TLSServerConfiguration(identity: identity)), on: loop
            ) { _, _ in }
        }
        #expect(error?.stage == .configuration)
        #expect(error?.code == .invalidConfiguration)
        // The loop can serve others after that.
        let server = try await WebSocketServer.start(on: loop, handler: ServerPair.echo)
        await server.stop()
        await loop.shutdown()
    }

    @Test("Several servers share a loop, each with a port and a certificate of its own")
    func severalServers() async throws {
        let loop = EventLoop.forTest()
        var servers: [WebSocketServer] = []
        for number in 0..<6 {
            let security: Security = number.isMultiple(of: 2) ? .plain : .tls
            servers.append(
                try await WebSocketServer.start(configuration: .init(tls: try security.server), on: loop) { socket, _ in
                    try await socket.send("server \(number)")
                    _ = try await socket.nextMessages()
                })
        }
        #expect(Set(servers.map(\.port)).count == 6)
        for (number, server) in servers.enumerated() {
            let configuration = WebSocketConfiguration(tls: try Security.tls.client)
            let socket = try await WebSocket.connect(to: server.url, configuration: configuration, on: loop)
            #expect(try await socket.receive(1) == [.text("server \(number)")])
        }
        for server in servers { await server.stop() }
        await loop.shutdown()
    }

    // MARK: - Requests

    @Test("The handler sees the request as the client wrote it")
    func request() async throws {
        let requests = Handover<WebSocketServer.Request>()
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

    @Test("A server that chooses what was not offered is refused by the client")
    func wrongSubprotocol() async throws {
        let server = WebSocketServer.Configuration(decide: { _ in .accept(subprotocol: "v9") })
        try await withServer(configuration: server, handler: ServerPair.echo) { pair in
            let error = await #expect(throws: WebSocketError.self) { try await pair.connect() }
            #expect(error?.code == .invalidHandshake)
            try await eventually { pair.server.connectionCount == 0 }
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

    // MARK: - Handlers

    @Test("A handler that returns closes with 1000, one that throws with 1011; its own close comes first")
    func handlerEnds() async throws {
        struct Failure: Error {}
        try await withServer(handler: { socket, request in
            switch request.target {
            case "/returns": try await socket.send("last words")
            case "/closes": await socket.close(code: CloseCode(rawValue: 4000), reason: "mine")
            default: throw Failure()
            }
        }) { pair in
            for (path, code, texts) in [
                ("/returns", CloseCode.normalClosure, ["last words"]), ("/throws", .internalError, []),
                ("/closes", CloseCode(rawValue: 4000), []),
            ] {
                let client = try await pair.connect(path: path)
                let received = try await client.receiveAll().map { $0.text ?? "?" }
                #expect(received == texts)
                #expect(client.closure?.code == code)
                #expect(client.closure?.isClean == true)
            }
            try await eventually { pair.server.connectionCount == 0 }
        }
    }

    @Test("A client that goes away ends the handler's iteration, and is no failure of the handler")
    func clientGoesAway() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let closed = try await pair.connect()
            let aborted = try await pair.connect()
            try await eventually { pair.server.connectionCount == 2 }
            await closed.close()
            aborted.abort()
            try await eventually { pair.server.connectionCount == 0 }
        }
    }

    @Test("200 connections at once, each with its own echo", arguments: Security.allCases)
    func manyConnections(security: Security) async throws {
        let count = 200
        try await withServer(security, handler: ServerPair.echo) { pair in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count {
                    group.addTask {
                        let client = try await pair.connect(configuration: pair.configuration.patient)
                        for round in 0..<5 {
                            try await client.send("\(number) \(round)")
                            #expect(try await client.receive(1) == [.text("\(number) \(round)")])
                        }
                        let closure = await client.close()
                        #expect(closure.isClean)
                    }
                }
                try await group.waitForAll()
            }
            try await eventually { pair.server.connectionCount == 0 }
        }
    }

    @Test("A broadcast reaches every open connection, in order, and passes over those that end")
    func broadcast() async throws {
        try await withServer { pair in
            var clients: [WebSocket] = []
            for _ in 0..<20 { clients.append(try await pair.connectPair().client) }
            try await eventually { pair.server.connectionCount == 20 }
            clients.removeLast().abort()
            for number in 0..<10 { await pair.server.broadcast(.text("news \(number)")) }
            for client in clients {
                #expect(try await client.receive(10) == (0..<10).map { .text("news \($0)") })
            }
        }
    }

    // MARK: - Stopping

    @Test(
        "stop() closes every connection with 1001 and waits for the handlers; then nobody listens",
        arguments: Security.allCases)
    func stop(security: Security) async throws {
        let running = Counter()
        let ended = Counter()
        try await withServer(
            security,
            handler: { socket, _ in
                running.increment()
                defer { ended.increment() }
                for try await message in socket.messages { try await socket.send(message) }
            }
        ) { pair in
            var clients: [WebSocket] = []
            for _ in 0..<10 { clients.append(try await pair.connect()) }
            try await eventually { running.value == 10 }
            async let ends = withThrowingTaskGroup(of: WebSocketClosure?.self) { [clients] group in
                for client in clients {
                    group.addTask {
                        _ = try await client.receiveAll()
                        return client.closure
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            await pair.server.stop()
            #expect(ended.value == 10)
            #expect(pair.server.connectionCount == 0)
            for closure in try await ends {
                #expect(closure?.received == CloseFrame(code: .goingAway, reason: "the server stops"))
                #expect(closure?.isClean == true)
            }
            let error = await #expect(throws: WebSocketError.self) { try await pair.connect() }
            #expect(error?.code == .connectFailed)
            await pair.server.stop()
            await pair.server.kill()
        }
    }

    @Test("stop() cancels handlers that wait for something else")
    func stopCancelsHandlers() async throws {
        try await withServer(handler: { _, _ in try await Task.sleep(for: .seconds(86_400)) }) { pair in
            let client = try await pair.connect()
            try await eventually { pair.server.connectionCount == 1 }
            await pair.server.stop()
            #expect(try await client.receiveAll() == [])
            #expect(client.closure?.code == .goingAway)
        }
    }

    @Test("stop() gives a client that does not answer closeTimeout, and no more")
    func stopWithSilentClient() async throws {
        let configuration = WebSocketServer.Configuration(closeTimeout: .milliseconds(100))
        try await withServer(configuration: configuration, handler: ServerPair.echo) { pair in
            let client = try RawClient(port: pair.server.port)
            try await client.upgrade()
            try await eventually { pair.server.connectionCount == 1 }
            await pair.server.stop()
            #expect(pair.server.connectionCount == 0)
            // The close frame came, then the end.
            let rest = try await client.readToEnd()
            #expect(rest.first == 0x88)
        }
    }

    @Test("stop() drops connections that have not sent a request yet")
    func stopDropsHandshakes() async throws {
        try await withServer(configuration: .init(handshakeTimeout: .seconds(86_400)), handler: ServerPair.echo) {
            pair in
            let idle = try RawClient(port: pair.server.port)
            let half = try RawClient(port: pair.server.port)
            try await half.write("GET / HTTP/1.1\r\nHost: x\r\n")
            // Both are known to the server when a later connection has been served.
            let later = try await pair.connect()
            try await later.send("x")
            _ = try await later.receive(1)
            await pair.server.stop()
            #expect(try await idle.readToEnd() == [])
            #expect(try await half.readToEnd() == [])
        }
    }

    @Test("kill() is a lost connection for the clients, as when the process dies", arguments: Security.allCases)
    func kill(security: Security) async throws {
        try await withServer(security, handler: ServerPair.echo) { pair in
            let client = try await pair.connect()
            try await client.send("before")
            #expect(try await client.receive(1) == [.text("before")])
            await pair.server.kill()
            let error = await #expect(throws: WebSocketError.self) { try await client.receiveAll() }
            #expect(error?.code == .connectionLost)
            #expect(client.closure?.code == .abnormalClosure)
            let refused = await #expect(throws: WebSocketError.self) { try await pair.connect() }
            #expect(refused?.code == .connectFailed)
        }
    }

    @Test(
        "A server that comes back takes its port over at once, also with clients still connected",
        arguments: [true, false])
    func restart(gracefully: Bool) async throws {
        let loop = EventLoop.forTest()
        var server = try await WebSocketServer.start(on: loop, handler: ServerPair.echo)
        let port = server.port
        for round in 0..<10 {
            let client = try await WebSocket.connect(to: server.url, on: loop)
            try await client.send("round \(round)")
            #expect(try await client.receive(1) == [.text("round \(round)")])
            if gracefully { await server.stop() } else { await server.kill() }
            server = try await WebSocketServer.start(
                configuration: .init(port: port), on: loop, handler: ServerPair.echo)
            #expect(server.port == port)
        }
        await server.stop()
        await loop.shutdown()
    }

    @Test("A server that nobody refers to stops listening; connections it has go on until they end")
    func droppedServer() async throws {
        let loop = EventLoop.forTest()
        let client: WebSocket
        let port: Int
        do {
            let server = try await WebSocketServer.start(on: loop, handler: ServerPair.echo)
            port = server.port
            client = try await WebSocket.connect(to: server.url, on: loop)
            try await client.send("x")
            _ = try await client.receive(1)
        }
        try await eventually("the dropped server still listens") {
            do {
                _ = try await WebSocket.connect(to: "ws://127.0.0.1:\(port)/", on: loop)
                return false
            } catch {
                return (error as? WebSocketError)?.code == .connectFailed
            }
        }
        try await client.send("still here")
        #expect(try await client.receive(1) == [.text("still here")])
        await loop.shutdown()
    }

    // MARK: - Clients that are none

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

    @Test("A client that says nothing is dropped after handshakeTimeout", arguments: Security.allCases)
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

    @Test("Plain HTTP on the port of a wss: server is dropped, and others go on")
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

extension WebSocketConfiguration {
    /// For more work at once than a busy machine gets done within the usual deadlines.
    var patient: WebSocketConfiguration {
        var configuration = self
        configuration.connectTimeout = .seconds(86_400)
        configuration.closeTimeout = .seconds(86_400)
        return configuration
    }
}

import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// The addresses that a server listens on, and its handlers' work.
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
            Resolver.shared.addresses(of: "localhost", port: 0) { continuation.resume(with: $0) }
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
        let loop = SocketLoop.forTest()
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocketServer.start(configuration: .init(host: host, port: port), on: loop) { _, _ in }
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.stage == .configuration)
        #expect(error?.message.hasPrefix("the server cannot listen on \(host):\(port): ") == true)
        #expect(error?.message.contains(reason) == true)
        await loop.shutDown()
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
        let loop = SocketLoop.forTest()
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
        await loop.shutDown()
    }

    @Test("Several servers share a loop, each with a port and a certificate of its own")
    func severalServers() async throws {
        let loop = SocketLoop.forTest()
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
        await loop.shutDown()
    }

    // MARK: - Handlers

    @Test("A handler that returns closes with 1000, one that throws with 1011; its own close comes first")
    func handlerEnds() async throws {
        struct Failure: Error {}
        try await withServer(handler: { socket, request in
            switch request.target {
            case "/returns": try await socket.send("last words")
            case "/closes": await socket.close(code: CloseCode(rawValue: 4000), reason: "mine")
            // Nobody has cancelled it: something that it used was.
            case "/cancels": throw CancellationError()
            default: throw Failure()
            }
        }) { pair in
            for (path, code, texts) in [
                ("/returns", CloseCode.normalClosure, ["last words"]), ("/throws", .internalError, nil),
                ("/cancels", .internalError, nil),
                ("/closes", CloseCode(rawValue: 4000), nil),
            ] {
                let client = try await pair.connect(path: path)
                // An end with an error throws.
                let received = try? await client.receiveAll().map { $0.text ?? "?" }
                #expect(received == texts)
                #expect(client.closure?.code == code)
                #expect(client.closure?.isClean == (code == .normalClosure))
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

    @Test("200 connections at once get each its own echo", arguments: Security.allCases)
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
            for number in 0..<10 { pair.server.broadcast(.text("news \(number)")) }
            for client in clients {
                #expect(try await client.receive(10) == (0..<10).map { .text("news \($0)") })
            }
        }
    }
}

extension WebSocketServerTests {
    @Test(
        "A broadcast waits for no client: one that does not read has a bounded output, then misses messages or is aborted",
        arguments: [WebSocketServer.SlowClientRule.skip, .abort])
    func slowClient(rule: WebSocketServer.SlowClientRule) async throws {
        let configuration = WebSocketServer.Configuration(sendBufferSize: 64 << 10)
        try await withServer(configuration: configuration) { pair in
            // The receive buffer of a client that does not read, and the kernel's, take some.
            let client = try await pair.connect(configuration: WebSocketConfiguration(receiveBufferSize: 1 << 10))
            let idle = (client: client, server: try await pair.accepted.take())
            let reading = try await pair.connectPair()
            try await eventually { pair.server.connectionCount == 2 }
            let message = WebSocketMessage.binary([UInt8](repeating: 7, count: 32 << 10))
            var missed = 0
            for _ in 0..<2_000 where missed == 0 {
                missed = pair.server.broadcast(message, slowClients: rule)
                #expect(try await reading.client.receive(1) == [message])
            }
            #expect(missed == 1)
            #expect(idle.server.statistics.bytesWaitingToBeWritten < 128 << 10)
            if rule == .abort { try await eventually { idle.server.closure != nil } }
            #expect((idle.server.closure == nil) == (rule == .skip))
            #expect(reading.server.closure == nil)
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

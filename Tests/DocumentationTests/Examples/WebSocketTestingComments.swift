import Testing
import WebSocketTesting

// The examples in the comments of WebSocketTesting's sources.

@Suite(.timeLimit(.minutes(10))) struct WebSocketTestingComments {
    @Test func testServer() async throws {
        let server = try await TestServer.start { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        let socket = try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
        await server.kill()  // connections are aborted as by a crash
        try await server.restart()  // on the same port
        await server.stop()
        await socket.close()
    }

    @Test func faults() async throws {
        let server = try await TestServer.start()
        await server.changeFaults { $0.ignoresPings = true }
        #expect(server.faults.ignoresPings)
        await server.stop()
    }

    @Test func caseServers() async throws {
        let servers = try CertificateCaseServers.start([.expired])
        let tls = TLSClientConfiguration(trustRoots: .pem(servers.authorityPEM))
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(
                to: servers.urls(of: .expired)[0], configuration: WebSocketConfiguration(tls: tls))
        }
        #expect(error.tlsFailure?.reason == .expired)
        servers.stop()
    }

    @Test func verifying() async throws {
        let report = try await verifyClient { url, trust in
            let socket = try await WebSocket.connect(
                to: url, configuration: WebSocketConfiguration(tls: trust.tls, connectTimeout: .seconds(3)))
            await socket.close()
        }
        #expect(report.wrong.isEmpty, "\(report)")
    }

    @Test func certificateAuthority() throws {
        let authority = try CertificateAuthority()
        let server = try authority.issue(names: ["localhost"], ipAddresses: ["127.0.0.1", "::1"])
        // server: TLSServerConfiguration(identity: server.identity)
        // client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM))
        #expect(server.certificateChainPEM == server.certificatePEM)
    }

    @Test func manualClock() async throws {
        let clock = ManualClock()
        async let result: Void = clock.sleep(for: .seconds(30))
        try await clock.advanceToNextSleeper()
        try await result  // at once, and clock.now is 30 s later
        #expect(clock.now.sinceStart == .seconds(30))
    }

    @Test func theSleeperThatIsMeant() async throws {
        let clock = ManualClock()
        let transport = ScriptedTransport()
        let service = SocketService(
            "wss://feed.example.com", transport: transport, reconnect: .fixed(.seconds(1)),
            options: SocketService.Options(clock: clock))
        try await service.start()
        let peer = try await transport.nextConnection()
        peer.abort()
        try await clock.advance(toSleeperIn: .seconds(1))  // the delay of the reconnect policy
        _ = try await transport.nextConnection()
        await service.stop()
    }

    @Test func testExecutor() async throws {
        let transport = ScriptedTransport()
        let executor = TestExecutor()
        let clock = ManualClock()
        let service = SocketService(
            "wss://feed.example.com", transport: transport,
            options: SocketService.Options(clock: clock, taskExecutor: executor))
        try await service.start(waitingForOpen: true)
        clock.advance(by: .seconds(29))
        try await executor.untilQuiet()
        #expect(transport.connections[0].pingCount == 0)  // not just: not yet
        await service.stop()
    }

    @Test func seededGenerator() {
        var generator = SeededGenerator(seed: 7)
        let policy = ReconnectPolicy.exponential()
        let failure = ConnectionFailure.heartbeatTimeout(unanswered: 1)
        let decision = policy.decision(.init(failure: failure, failuresBefore: 0), using: &generator)
        #expect(decision != .giveUp)
    }

    @Test func scriptedTransport() async throws {
        let transport = ScriptedTransport([.refuse(.serviceUnavailable), .open()])
        let service = SocketService("wss://feed.example.com", transport: transport)
        service.register("mapData") { [weak service] _ in try await service?.send("got it") }
        try await service.start()
        let peer = try await transport.nextConnection()
        peer.deliver(#"{"socketType":"mapData"}"#)
        #expect(try await peer.nextSent().text == "got it")
        peer.abort()
        await service.stop()
    }
}

import Foundation
import LibWebSockets
import Testing
import WebSocketTesting

/// The harness itself: a test that relies on a server being killed, paused or restarted relies on these.
@Suite("External servers", .needsEchoServer, .timeLimit(.minutes(10)))
struct ExternalServerTests {
    /// The status that a WebSocket server answers to a request that asks for no upgrade.
    private static let refusal = HTTPProbe.Answer.status("HTTP/1.1 426 Upgrade Required")

    private func ask(_ server: ExternalServer, timeout: Duration = .seconds(30)) -> HTTPProbe.Answer {
        HTTPProbe.ask(port: server.port, timeout: timeout)
    }

    @Test("A server answers as soon as the body runs, and is gone after it")
    func scope() async throws {
        let server = try await withEchoServer { server in
            #expect(ask(server) == Self.refusal)
            return server
        }
        #expect(!server.isRunning)
        #expect(ask(server) == .refused)
    }

    @Test("A server is gone when the body throws")
    func throwingBody() async throws {
        struct Unhappy: Error {}
        var server: ExternalServer?
        await #expect(throws: Unhappy.self) {
            try await withEchoServer {
                server = $0
                throw Unhappy()
            }
        }
        let ended = try #require(server)
        #expect(!ended.isRunning)
        #expect(ask(ended) == .refused)
    }

    @Test("A server comes back on the same port, however it ended", arguments: [SIGTERM, SIGKILL])
    func restart(signal: Int32) async throws {
        try await withEchoServer { server in
            for _ in 0..<3 {
                await signal == SIGTERM ? server.terminate() : server.kill()
                #expect(ask(server) == .refused)
                try await server.restart()
                #expect(ask(server) == Self.refusal)
            }
        }
    }

    @Test("A server is silent while paused, goes on when resumed, and can be ended while paused")
    func pause() async throws {
        try await withEchoServer { server in
            server.pause()
            // The kernel accepts the connection and the request; the server does not get to see them.
            #expect(ask(server, timeout: .milliseconds(300)) == .silence)
            server.resume()
            #expect(ask(server) == Self.refusal)
            server.pause()
            await server.terminate()
            #expect(!server.isRunning)
        }
    }

    @Test("A server takes its options")
    func options() async throws {
        var options = EchoServerOptions()
        options.compression = false
        options.subprotocols = ["a", "b"]
        options.delay = .milliseconds(1)
        options.fragmentSize = 3
        options.pushedMessages = 2
        options.closing = .init(code: 1012, reason: "restart")
        options.pingInterval = .seconds(1)
        try await withEchoServer(options) { server in
            let socket = try await WebSocket.connect(
                to: server.url(scheme: "ws"), configuration: WebSocketConfiguration(subprotocols: ["b"]))
            var messages: [String?] = []
            let error = try await #require(throws: WebSocketError.self) {
                for try await message in socket.messages { messages.append(message.text) }
            }
            #expect(error.code == .closedWithError)
            #expect(messages == ["0", "1"])
            #expect(socket.closure?.received?.code == .serviceRestart)
            #expect(socket.closure?.received?.reason == "restart")
            #expect(socket.handshake.subprotocol == "b")
        }
    }

    @Test("A server refuses the opening handshake when told to")
    func refusal() async throws {
        var options = EchoServerOptions()
        options.refusal = .init(status: 503, retryAfter: "7")
        try await withEchoServer(options) { server in
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(to: server.url(scheme: "ws"))
            }
            #expect(error?.code == .upgradeRefused)
            #expect(error?.refusal?.retryAfter == .seconds(7))
        }
    }

    @Test("A server speaks wss, and demands a client certificate when told to")
    func tls() async throws {
        let authority = try CertificateAuthority()
        var options = EchoServerOptions()
        options.certificate = try authority.issue(names: ["localhost"])
        options.clientAuthority = authority
        let client = try authority.issue(names: ["client"], purpose: .client)
        try await withEchoServer(options) { server in
            var tls = TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM))
            await #expect(throws: WebSocketError.self) {
                let socket = try await WebSocket.connect(
                    to: server.url(scheme: "wss"), configuration: WebSocketConfiguration(tls: tls))
                // In TLS 1.3 the server refuses the client only after the client's handshake has ended.
                for try await _ in socket.messages {}
            }
            tls.clientIdentity = client.identity
            let socket = try await WebSocket.connect(
                to: server.url(scheme: "wss"), configuration: WebSocketConfiguration(tls: tls))
            try await socket.send("hello")
            for try await message in socket.messages {
                #expect(message.text == "hello")
                break
            }
            _ = await socket.close()
        }
    }

    @Test("nginx in front of a server comes back on its port too", .needsNginx)
    func nginx() async throws {
        let authority = try CertificateAuthority()
        let certificate = try authority.issue(names: ["localhost"])
        let tls = TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM))
        try await withEchoServer { upstream in
            let nginx = try await withNginx(certificate: certificate, upstream: upstream) { nginx in
                for _ in 0..<2 {
                    let socket = try await WebSocket.connect(
                        to: nginx.url(scheme: "wss"), configuration: WebSocketConfiguration(tls: tls))
                    try await socket.send("hello")
                    for try await message in socket.messages {
                        #expect(message.text == "hello")
                        break
                    }
                    await nginx.kill()
                    await #expect(throws: WebSocketError.self) { for try await _ in socket.messages {} }
                    #expect(HTTPProbe.ask(port: nginx.port) == .refused)
                    try await nginx.restart()
                }
                return nginx
            }
            #expect(HTTPProbe.ask(port: nginx.port) == .refused)
        }
    }

    @Test("The error of a server that does not start says why")
    func failure() async throws {
        let error = await #expect(throws: ExternalServer.Failure.self) {
            try await ExternalServer.with(script: "echo.py", arguments: { _ in ["--nonsense"] }, body: { _ in })
        }
        #expect(error?.description.contains("unrecognized arguments: --nonsense") == true)
    }
}

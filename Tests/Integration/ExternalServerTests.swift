import Foundation
import Testing

/// The harness itself: a test that relies on a server being killed, paused or restarted relies on these.
@Suite("External servers", .needsEchoServer, .timeLimit(.minutes(5)))
struct ExternalServerTests {
    /// What a WebSocket server answers to a request that asks for no upgrade.
    private static let refusal = HTTPProbe.Answer.status("HTTP/1.1 426 Upgrade Required")

    private func ask(_ server: ExternalServer, timeout: Duration = .seconds(30)) -> HTTPProbe.Answer {
        HTTPProbe.ask(port: server.port, timeout: timeout)
    }

    @Test("answers as soon as the body runs, and is gone after it")
    func scope() async throws {
        let server = try await withEchoServer { server in
            #expect(ask(server) == Self.refusal)
            return server
        }
        #expect(!server.isRunning)
        #expect(ask(server) == .refused)
    }

    @Test("is gone when the body throws")
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

    @Test("comes back on the same port, however it ended", arguments: [SIGTERM, SIGKILL])
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

    @Test("is silent while paused, goes on when resumed, and can be ended while paused")
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

    @Test("takes its options")
    func options() async throws {
        var options = EchoServerOptions()
        options.refusal = .init(status: 503, retryAfter: "7")
        try await withEchoServer(options) { server in
            // An ordinary request is refused before the option has its say; that it starts shows that it is known.
            #expect(server.isRunning)
        }
        options = EchoServerOptions()
        options.compression = false
        options.subprotocols = ["a", "b"]
        options.delay = .milliseconds(1)
        options.fragmentSize = 3
        options.pushedMessages = 2
        options.closing = .init(code: 1012, reason: "restart")
        options.pingInterval = .seconds(1)
        try await withEchoServer(options) { server in
            #expect(ask(server) == Self.refusal)
        }
    }

    @Test("says why a server does not start")
    func failure() async throws {
        let error = await #expect(throws: ExternalServer.Failure.self) {
            try await ExternalServer.with(script: "echo.py", arguments: { _ in ["--nonsense"] }, body: { _ in })
        }
        #expect(error?.description.contains("unrecognized arguments: --nonsense") == true)
    }
}

import LibWebSockets
import Testing

@Suite("Over a Unix domain socket", .needsEchoServer, .timeLimit(.minutes(10)))
struct UnixSocketTests {
    @Test("The URL names what is asked for, the path where to connect", arguments: ["ws", "wss"])
    func echo(scheme: String) async throws {
        let fixture = try TLSFixture()
        var options = EchoServerOptions(certificate: scheme == "wss" ? fixture.certificate : nil)
        options.isOnUnixSocket = true
        try await withEchoServer(options) { server in
            let configuration = WebSocketConfiguration(tls: fixture.client, unixSocketPath: server.unixSocketPath)
            let socket = try await WebSocket.connect(
                to: "\(scheme)://localhost/request", configuration: configuration)
            #expect(try await HandshakeTests.Request(of: socket).values(of: "Host") == ["localhost"])
            try await socket.exchange(20, seed: 5, maximumSize: 1 << 20)
            #expect(await socket.close().isClean)
        }
    }

    @Test("A server that is gone is an error that names the path")
    func gone() async throws {
        var options = EchoServerOptions()
        options.isOnUnixSocket = true
        try await withEchoServer(options) { server in
            await server.kill()
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(
                    to: "ws://localhost/", configuration: WebSocketConfiguration(unixSocketPath: server.unixSocketPath))
            }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains(server.unixSocketPath) == true)
        }
    }
}

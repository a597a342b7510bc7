import WebSocketTesting
import LibWebSockets
import Testing

@Suite("Through a SOCKS5 proxy", .needsEchoServer, .timeLimit(.minutes(10)))
struct SOCKSProxyTests {
    private static let credentials = Proxy.Credentials(user: "Aladdin", password: "open: sesame")

    /// The echo server's certificate is for a name that only the proxy knows, and for the address.
    ///
    /// - Parameter arguments: The proxy's; `Servers/socks5.py` says more.
    private func withServers(
        _ arguments: [String] = [],
        _ body: (_ server: ExternalServer, _ proxy: Proxy, _ configuration: WebSocketConfiguration) async throws -> Void
    ) async throws {
        let fixture = try TLSFixture()
        let options = EchoServerOptions(
            certificate: try fixture.authority.issue(names: ["echo.test"], ipAddresses: ["127.0.0.1"]))
        try await withEchoServer(options) { server in
            try await ExternalServer.with(script: "socks5.py", arguments: { _ in arguments }) { proxy in
                try await body(
                    server, Proxy(.socks5, host: "127.0.0.1", port: Int(proxy.port)),
                    WebSocketConfiguration(tls: fixture.client))
            }
        }
    }

    private func expectEcho(_ url: String, _ configuration: WebSocketConfiguration) async throws {
        let socket = try await WebSocket.connect(to: url, configuration: configuration)
        try await socket.exchange(20, seed: 12, maximumSize: 1 << 20)
        #expect(await socket.close().isClean)
    }

    @Test(
        "wss goes through the tunnel to a name that only the proxy can resolve, and to an address",
        arguments: ["ipv4", "ipv6", "name"], [[], ["--byte-by-byte"]])
    func tunnel(bound: String, arguments: [String]) async throws {
        try await withServers(["--bound", bound] + arguments) { server, proxy, configuration in
            var configuration = configuration
            configuration.proxy = .proxy(proxy)
            try await expectEcho(server.url(scheme: "wss", host: "echo.test"), configuration)
            try await expectEcho(server.url(scheme: "wss", host: "127.0.0.1"), configuration)
        }
    }

    private func failure(_ url: String, _ configuration: WebSocketConfiguration) async throws -> WebSocketError {
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocket.connect(to: url, configuration: configuration)
        }
        #expect(error?.code == .connectFailed)
        #expect(error?.stage == .proxy)
        return try #require(error)
    }

    @Test("A proxy that wants credentials gets them; without them, or with wrong ones, it says so")
    func credentials() async throws {
        let arguments = ["--user", Self.credentials.user, "--password", Self.credentials.password]
        try await withServers(arguments) { server, proxy, configuration in
            var (proxy, configuration) = (proxy, configuration)
            let url = server.url(scheme: "wss", host: "echo.test")
            proxy.credentials = Self.credentials
            configuration.proxy = .proxy(proxy)
            try await expectEcho(url, configuration)

            proxy.credentials?.password = "open: barley"
            configuration.proxy = .proxy(proxy)
            let wrong = try await failure(url, configuration)
            #expect(wrong.message.contains("refused the user name or the password"))
            #expect(!wrong.message.contains("barley"))

            proxy.credentials = nil
            configuration.proxy = .proxy(proxy)
            let missing = try await failure(url, configuration)
            #expect(missing.message.contains("no user name and password are configured"))
        }
    }

    @Test("What the proxy does not connect to, it gives its reason for")
    func refusals() async throws {
        try await withServers { server, proxy, configuration in
            var configuration = configuration
            configuration.proxy = .proxy(proxy)
            let forbidden = try await failure(server.url(scheme: "wss", host: "echo.example"), configuration)
            #expect(forbidden.message.contains("its rules do not allow this connection"))
            let closed = try await failure("wss://echo.test:1/", configuration)
            #expect(closed.message.contains("the server refused the connection"))
        }
    }
}

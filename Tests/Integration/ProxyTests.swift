import WebSocketTesting
import Foundation
import LibWebSockets
import Testing

@Suite("Through an HTTP proxy", .needsEchoServer, .timeLimit(.minutes(10)))
struct ProxyTests {
    private static let credentials = Proxy.Credentials(user: "Aladdin", password: "open: sesame")

    /// The echo server's certificate is for a name that only the proxy knows.
    private func withServers(
        credentials: Proxy.Credentials? = nil, status: Int? = nil,
        _ body: (_ url: String, _ proxy: Proxy, _ configuration: WebSocketConfiguration) async throws -> Void
    ) async throws {
        let fixture = try TLSFixture()
        let options = EchoServerOptions(certificate: try fixture.authority.issue(names: ["echo.test"]))
        try await withEchoServer(options) { server in
            try await withProxy(credentials: credentials, status: status) { proxy in
                try await body(
                    server.url(scheme: "wss", host: "echo.test"), Proxy(host: "127.0.0.1", port: Int(proxy.port)),
                    WebSocketConfiguration(tls: fixture.client))
            }
        }
    }

    private func expectEcho(_ url: String, _ configuration: WebSocketConfiguration) async throws {
        let socket = try await WebSocket.connect(to: url, configuration: configuration)
        try await socket.exchange(20, seed: 11, maximumSize: 1 << 20)
        #expect(await socket.close().isClean)
    }

    @Test("wss goes through the tunnel to a name that only the proxy can resolve", arguments: [false, true])
    func tunnel(isAuthenticated: Bool) async throws {
        let credentials = isAuthenticated ? Self.credentials : nil
        try await withServers(credentials: credentials) { url, proxy, configuration in
            var (proxy, configuration) = (proxy, configuration)
            proxy.credentials = credentials
            configuration.proxy = .proxy(proxy)
            try await expectEcho(url, configuration)
        }
    }

    @Test(
        "Missing and wrong credentials are an error of the proxy's, which never shows the password",
        arguments: [nil, Proxy.Credentials(user: "Aladdin", password: "sesame street")])
    func wrongCredentials(wrong: Proxy.Credentials?) async throws {
        try await withServers(credentials: Self.credentials) { url, proxy, configuration in
            var (proxy, configuration) = (proxy, configuration)
            proxy.credentials = wrong
            configuration.proxy = .proxy(proxy)
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(to: url, configuration: configuration)
            }
            #expect(error?.code == .connectFailed)
            #expect(error?.stage == .proxy)
            let message = try #require(error?.message)
            print("proxy with wrong credentials: \(message)")
            #expect(message.contains("proxy"))
            #expect(!message.contains("sesame"))
        }
    }

    @Test("A proxy that refuses is to blame, not the server")
    func refusal() async throws {
        try await withServers(status: 503) { url, proxy, configuration in
            var configuration = configuration
            configuration.proxy = .proxy(proxy)
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(to: url, configuration: configuration)
            }
            #expect(error?.code == .connectFailed)
            #expect(error?.stage == .proxy)
        }
    }

    // The environment belongs to the whole process, hence one of its own.
    @Test("The environment's proxy is used only by those who ask for it, and not for the names it excepts")
    func environment() async {
        await #expect(processExitsWith: .success) {
            let fixture = try TLSFixture()
            let certificate = try fixture.authority.issue(names: ["echo.test", "localhost"])
            try await withEchoServer(EchoServerOptions(certificate: certificate)) { server in
                try await withProxy { proxy in
                    setenv("https_proxy", "http://127.0.0.1:\(proxy.port)", 1)
                    setenv("http_proxy", "http://127.0.0.1:1", 1)
                    setenv("no_proxy", "localhost", 1)
                    var configuration = WebSocketConfiguration(tls: fixture.client)
                    func connect(_ host: String) async throws {
                        let url = server.url(scheme: "wss", host: host)
                        let socket = try await WebSocket.connect(to: url, configuration: configuration)
                        try await socket.send("hello")
                        #expect(try await socket.nextText() == "hello")
                        await socket.close()
                    }
                    // Nobody but the proxy knows the name.
                    let error = await #expect(throws: WebSocketError.self) { try await connect("echo.test") }
                    #expect(error?.code == .nameResolutionFailed)
                    try await connect("localhost")

                    configuration.proxy = .fromEnvironment
                    try await connect("echo.test")
                    // The proxy would refuse this one.
                    try await connect("localhost")
                    unsetenv("no_proxy")
                    let refused = await #expect(throws: WebSocketError.self) { try await connect("localhost") }
                    #expect(refused?.stage == .proxy)
                }
            }
        }
    }
}

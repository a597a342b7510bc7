import LibWebSockets

enum ReachingTheServer {
    static func proxies(password: String) {
        let proxy = HTTPProxy(
            host: "proxy.example.com", port: 3128,
            credentials: HTTPProxy.Credentials(user: "app", password: password))
        let explicit = WebSocketConfiguration(proxy: .http(proxy))
        let fromEnvironment = WebSocketConfiguration(proxy: .fromEnvironment)
        _ = (explicit, fromEnvironment)
    }

    static func redirects() {
        let configuration = WebSocketConfiguration(redirects: .follow(limit: 3))
        _ = configuration
    }

    static func unixSocket() async throws {
        let socket = try await WebSocket.connect(
            to: "ws://localhost/stream",
            configuration: WebSocketConfiguration(unixSocketPath: "/run/feed.sock"))
        _ = socket
    }
}

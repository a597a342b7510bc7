import LibWebSockets

enum ReachingTheServer {
    static func proxies(password: String) {
        let proxy = Proxy(
            host: "proxy.example.com", port: 3128,
            credentials: Proxy.Credentials(user: "app", password: password))
        let explicit = WebSocketConfiguration(proxy: .proxy(proxy))
        let fromEnvironment = WebSocketConfiguration(proxy: .fromEnvironment)
        _ = (explicit, fromEnvironment)
    }

    static func socks() throws {
        let proxy = try Proxy("socks5h://proxy.example.com:1080")
        _ = proxy
    }

    static func redirects() {
        let configuration = WebSocketConfiguration(redirects: .follow(limit: 3))
        let trusting = WebSocketConfiguration(redirects: .follow(trustingOtherOrigins: true))
        _ = (configuration, trusting)
    }

    static func unixSocket() async throws {
        let socket = try await WebSocket.connect(
            to: "ws://localhost/stream",
            configuration: WebSocketConfiguration(unixSocketPath: "/run/feed.sock"))
        _ = socket
    }
}

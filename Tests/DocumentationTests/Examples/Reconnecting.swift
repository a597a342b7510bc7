import WebSocketService

enum Reconnecting {
    static func policy() {
        var policy = ReconnectPolicy.exponential(
            initial: .milliseconds(200), multiplier: 2, maximum: .seconds(10), jitter: .full)
        policy.maximumRetries = 20
        policy.stableAfter = .seconds(60)
        let service = SocketService("wss://feed.example.com/stream", reconnect: policy)
        _ = service
    }

    static func persistent() {
        let service = SocketService("wss://feed.example.com/stream", reconnect: .persistent)
        _ = service
    }

    static func overrule() -> ReconnectPolicy {
        var policy = ReconnectPolicy.exponential()
        policy.overrule = { context, decision in
            guard context.failure.webSocketError?.tlsFailure?.reason == .expired else { return decision }
            return .retry(after: .seconds(60))
        }
        return policy
    }

    static func freshRequests(freshToken: @escaping @Sendable () async throws -> String) {
        let service = SocketService { attempt in
            let token = try await freshToken()
            return ConnectRequest(
                url: "wss://feed.example.com/stream", headers: [.authorization: "Bearer \(token)"])
        }
        _ = service
    }

    static func severalServers() {
        let service = SocketService(urls: ["wss://a.example.com/feed", "wss://b.example.com/feed"])
        _ = service
    }
}

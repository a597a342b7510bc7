public import Foundation

extension WebSocket {
    /// Connects to a server.
    ///
    /// No message comes before `onUpgrade` has had time to set its handler.
    ///
    /// - Parameters:
    ///   - url: `ws:` or `wss:`.
    ///   - headers: Headers of the upgrade request.
    ///   - configuration: TLS, limits, and in its `options` reconnecting.
    ///   - eventLoopGroup: The loops that carry the connection.
    ///   - onUpgrade: Called with the open connection; with `reconnects`, with each one.
    /// - Returns: A future that is complete when the first connection is open.
    @preconcurrency
    public static func connect(
        to url: String, headers: HTTPHeaders = [:], configuration: WebSocketClient.Configuration = .init(),
        on eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        onUpgrade: @escaping @Sendable (WebSocket) -> Void
    ) -> EventLoopFuture<Void> {
        let eventLoop = eventLoopGroup.any()
        guard URL(string: url) != nil else { return eventLoop.makeFailedFuture(WebSocketClient.Error.invalidURL) }
        return Connecting.connect(url, headers, configuration, eventLoop) { socket, upgraded in
            onUpgrade(socket)
            upgraded()
        }
    }

    /// Connects to a server; as for a URL in a text.
    @preconcurrency
    public static func connect(
        to url: URL, headers: HTTPHeaders = [:], configuration: WebSocketClient.Configuration = .init(),
        on eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        onUpgrade: @escaping @Sendable (WebSocket) -> Void
    ) -> EventLoopFuture<Void> {
        connect(
            to: url.absoluteString, headers: headers, configuration: configuration, on: eventLoopGroup,
            onUpgrade: onUpgrade)
    }

    /// Connects to a server whose URL is given in parts. Without a port it is 443 for `wss` and 80 for `ws`.
    @preconcurrency
    public static func connect(
        scheme: String = "ws", host: String, port: Int? = nil, path: String = "/", query: String? = nil,
        headers: HTTPHeaders = [:], configuration: WebSocketClient.Configuration = .init(),
        on eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        onUpgrade: @escaping @Sendable (WebSocket) -> Void
    ) -> EventLoopFuture<Void> {
        connect(
            to: WebSocketClient.url(
                scheme: scheme, host: host, port: port ?? (scheme == "wss" ? 443 : 80), path: path, query: query),
            headers: headers, configuration: configuration, on: eventLoopGroup, onUpgrade: onUpgrade)
    }

    /// Connects through an HTTP proxy. The proxy's own headers are not sent.
    @preconcurrency
    public static func connect(
        scheme: String = "ws", host: String, port: Int? = nil, path: String = "/", query: String? = nil,
        headers: HTTPHeaders = [:], proxy: String?, proxyPort: Int? = nil, proxyHeaders: HTTPHeaders = [:],
        configuration: WebSocketClient.Configuration = .init(),
        on eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        onUpgrade: @escaping @Sendable (WebSocket) -> Void
    ) -> EventLoopFuture<Void> {
        WebSocketClient(eventLoopGroupProvider: .shared(eventLoopGroup), configuration: configuration).connect(
            scheme: scheme, host: host, port: port ?? (scheme == "wss" ? 443 : 80), path: path, query: query,
            headers: headers, proxy: proxy, proxyPort: proxyPort, proxyHeaders: proxyHeaders, onUpgrade: onUpgrade)
    }

    // MARK: Asynchronous

    /// Connects to a server, and returns when the first connection is open.
    ///
    /// `onUpgrade` may take as long as the connection lasts. A message waits until its handler is set, `onUpgrade` has returned,
    /// 200 ms have passed since another handler was set, or 5 s since the first message came that had none.
    ///
    /// - Throws: ``WebSocketClient/Error``, `WebSocketError`; `CancellationError` when the task is cancelled first.
    @preconcurrency
    public static func connect(
        to url: String, headers: HTTPHeaders = [:], configuration: WebSocketClient.Configuration = .init(),
        on eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        onUpgrade: @escaping @Sendable (WebSocket) async -> Void
    ) async throws {
        guard URL(string: url) != nil else { throw WebSocketClient.Error.invalidURL }
        try await Connecting.connect(url, headers, configuration, eventLoopGroup.any(), asynchronously: onUpgrade)
    }

    /// Connects to a server, and returns when the first connection is open; as for a URL in a text.
    @preconcurrency
    public static func connect(
        to url: URL, headers: HTTPHeaders = [:], configuration: WebSocketClient.Configuration = .init(),
        on eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        onUpgrade: @escaping @Sendable (WebSocket) async -> Void
    ) async throws {
        try await connect(
            to: url.absoluteString, headers: headers, configuration: configuration, on: eventLoopGroup,
            onUpgrade: onUpgrade)
    }

    /// Connects to a server whose URL is given in parts, and returns when the first connection is open.
    @preconcurrency
    public static func connect(
        scheme: String = "ws", host: String, port: Int? = nil, path: String = "/", query: String? = nil,
        headers: HTTPHeaders = [:], configuration: WebSocketClient.Configuration = .init(),
        on eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        onUpgrade: @escaping @Sendable (WebSocket) async -> Void
    ) async throws {
        try await connect(
            to: WebSocketClient.url(
                scheme: scheme, host: host, port: port ?? (scheme == "wss" ? 443 : 80), path: path, query: query),
            headers: headers, configuration: configuration, on: eventLoopGroup, onUpgrade: onUpgrade)
    }
}

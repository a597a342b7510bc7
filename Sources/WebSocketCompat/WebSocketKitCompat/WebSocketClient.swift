public import Foundation
internal import HTTPTypes
internal import LibWebSockets
internal import Synchronization
public import WebSocketCompat
internal import WebSocketService

/// Makes connections, in the shape of websocket-kit's client.
public final class WebSocketClient: Sendable {
    /// The reason why a connection could not be made, beside a `WebSocketError`.
    public enum Error: Swift.Error, LocalizedError, Sendable {
        /// The URL is none.
        case invalidURL
        /// The server answered with another status than 101.
        case invalidResponseStatus(HTTPResponseHead)
        /// The client was shut down before.
        case alreadyShutdown

        public var errorDescription: String? { "\(self)" }
    }

    /// The loops that carry the connections.
    public enum EventLoopGroupProvider: Sendable {
        /// Those of a group.
        case shared(any EventLoopGroup)
        /// One of the client's own, until ``WebSocketClient/syncShutdown()``.
        case createNew
    }

    /// The settings of connections.
    public struct Configuration: Sendable {
        /// TLS; `nil` for the defaults.
        public var tlsConfiguration: TLSConfiguration?
        /// The largest frame, kept and of no effect: the size of messages counts instead, ``maxAccumulatedFrameSize``.
        public var maxFrameSize: Int
        /// The least size of a fragment, kept and of no effect.
        public var minNonFinalFragmentSize = 0
        /// The most frames of one message, kept and of no effect.
        public var maxAccumulatedFrameCount = Int.max
        /// The largest message to accept, in bytes, where that is less than `options.connection.maximumMessageSize`, 16 MiB.
        public var maxAccumulatedFrameSize = Int.max
        /// The settings that the original has no place for: proxies, limits, reconnecting.
        ///
        /// ```swift
        /// configuration.options.reconnects = .persistent
        /// ```
        ///
        /// `onUpgrade` is then called with each connection.
        public var options = WebSocketCompatOptions()

        /// A configuration with the original's parameters.
        public init(tlsConfiguration: TLSConfiguration? = nil, maxFrameSize: Int = 1 << 14) {
            self.tlsConfiguration = tlsConfiguration
            self.maxFrameSize = maxFrameSize
        }
    }

    private let group: any EventLoopGroup
    private let configuration: Configuration
    private let ownsGroup: Bool
    private let isShutDown = Atomic<Bool>(false)

    /// A client on loops of a group, or on one of its own.
    public init(eventLoopGroupProvider: EventLoopGroupProvider, configuration: Configuration = Configuration()) {
        self.configuration = configuration
        switch eventLoopGroupProvider {
        case .shared(let group):
            self.group = group
            ownsGroup = false
        case .createNew:
            group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            ownsGroup = true
        }
    }

    /// Ends the client's own loop, and with it the connections that it made. Blocks the thread until then.
    ///
    /// - Throws: ``Error/alreadyShutdown``.
    public func syncShutdown() throws {
        guard ownsGroup else { return }
        guard !isShutDown.exchange(true, ordering: .acquiringAndReleasing) else { throw Error.alreadyShutdown }
        try group.syncShutdownGracefully()
    }

    /// Connects; see `WebSocket.connect`.
    @preconcurrency
    public func connect(
        scheme: String, host: String, port: Int, path: String = "/", query: String? = nil, headers: HTTPHeaders = [:],
        onUpgrade: @escaping @Sendable (WebSocket) -> Void
    ) -> EventLoopFuture<Void> {
        connect(
            scheme: scheme, host: host, port: port, path: path, query: query, headers: headers, proxy: nil,
            onUpgrade: onUpgrade)
    }

    /// Connects through an HTTP proxy; see `WebSocket.connect`. The proxy's own headers are not sent.
    @preconcurrency
    public func connect(
        scheme: String, host: String, port: Int, path: String = "/", query: String? = nil, headers: HTTPHeaders = [:],
        proxy: String?, proxyPort: Int? = nil, proxyHeaders: HTTPHeaders = [:],
        onUpgrade: @escaping @Sendable (WebSocket) -> Void
    ) -> EventLoopFuture<Void> {
        guard !isShutDown.load(ordering: .acquiring) else { return group.any().makeFailedFuture(Error.alreadyShutdown) }
        var configuration = configuration
        if let proxy { configuration.options.connection.proxy = .proxy(Proxy(host: proxy, port: proxyPort ?? 80)) }
        let url = Self.url(scheme: scheme, host: host, port: port, path: path, query: query)
        return Connecting.connect(url, headers, configuration, group.any()) { socket, upgraded in
            onUpgrade(socket)
            upgraded()
        }
    }

    static func url(scheme: String, host: String, port: Int, path: String, query: String?) -> String {
        let address = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        return "\(scheme)://\(address):\(port)\(path.hasPrefix("/") ? "" : "/")\(path)\(query.map { "?\($0)" } ?? "")"
    }
}

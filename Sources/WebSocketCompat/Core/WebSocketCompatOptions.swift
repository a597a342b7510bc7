public import LibWebSockets
internal import Logging
public import WebSocketService

/// The settings of every shape beyond those of its original: TLS, proxies, limits, reconnecting.
///
/// ```swift
/// var options = WebSocketCompatOptions()
/// options.connection.tls.trustRoots = .pemFile("/etc/example/ca.pem")
/// options.reconnects = .persistent
/// ```
public struct WebSocketCompatOptions: Sendable {
    /// The settings of each connection: TLS, proxy, limits, deadlines, logger. Headers and subprotocols that the shape has
    /// its own places for are added to those here. Its logger says nothing, like the originals, until another one is set.
    public var connection: WebSocketConfiguration
    /// The rule for connecting again after a loss or a failed attempt. The default, `nil`, never does, like the originals.
    public var reconnects: ReconnectPolicy?
    /// The way to notice a dead peer. The default has none, like the originals.
    public var heartbeat: HeartbeatPolicy
    /// The limits of what is kept while there is no connection, when ``reconnects`` is set. A message counts as sent once
    /// it is here; only the service's metrics tell of one that gives way later, as no original has a place for it.
    public var queue: QueuePolicy

    /// Options; every parameter is the property of the same name, with its default. Without a connection's configuration it
    /// is the library's default with a logger that says nothing.
    public init(
        connection: WebSocketConfiguration? = nil, reconnects: ReconnectPolicy? = nil,
        heartbeat: HeartbeatPolicy = .off, queue: QueuePolicy = QueuePolicy()
    ) {
        self.connection = connection ?? WebSocketConfiguration(logger: Self.silence)
        self.reconnects = reconnects
        self.heartbeat = heartbeat
        self.queue = queue
    }

    private static let silence = Logger(label: "WebSocketCompat") { _ in SwiftLogNoOpLogHandler() }
}

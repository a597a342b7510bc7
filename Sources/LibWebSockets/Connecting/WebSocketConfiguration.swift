public import HTTPTypes
public import Logging
public import WebSocketProtocol

/// The settings of a ``WebSocket``.
///
/// Every option has a default; set the ones that matter:
///
/// ```swift
/// let configuration = WebSocketConfiguration(
///     headers: [.authorization: "Bearer \(token)"],
///     tls: TLSClientConfiguration(trustRoots: .pemFile("/etc/example/ca.pem")))
/// ```
public struct WebSocketConfiguration: Sendable {
    /// Headers of the upgrade request, beside those that the handshake needs. Those cannot be set here.
    public var headers: HTTPFields
    /// The subprotocols to offer, in order of preference (RFC 6455 section 1.9).
    public var subprotocols: [String]
    /// The settings of TLS, used for `wss:` only.
    public var tls: TLSClientConfiguration
    /// The compression to offer. The default offers permessage-deflate, as browsers do; a server that does not know it
    /// declines.
    public var compression: WebSocketCompression
    /// The largest message to accept, inflated, in bytes. A larger one closes the connection with 1009. The default is 16 MiB.
    public var maximumMessageSize: Int
    /// The most bytes of received messages that may wait for the program, counted as the memory they occupy (see
    /// ``WebSocketStatistics/bytesWaitingToBeRead``). At the limit, reading from the network stops until the program has
    /// taken them. The default is 1 MiB.
    public var receiveBufferSize: Int
    /// The most bytes that may wait for the network. At the limit, `send` suspends until half of them are gone. The default
    /// is 1 MiB.
    public var sendBufferSize: Int
    /// The time limit for everything up to the open connection: name resolution, TCP, TLS, upgrade and redirects together.
    /// The default is 10 s.
    public var connectTimeout: Duration
    /// The time limit for TLS alone, counted from the TCP connection; `nil`, the default, leaves it to ``connectTimeout``.
    public var tlsTimeout: Duration?
    /// The time limit for the answer to the upgrade request alone; `nil`, the default, leaves it to ``connectTimeout``.
    public var upgradeTimeout: Duration?
    /// The proxy to go through. None by default, whatever the environment says.
    public var proxy: ProxySelection
    /// The path of a Unix domain socket to connect to; `nil` by default. It takes the place of the URL's host and port, which
    /// are still what the server is asked for and must prove to be. No proxy leads there: the environment's is not used, and
    /// one that is set here is refused.
    public var unixSocketPath: String?
    /// The treatment of a server that redirects. The default reports it.
    public var redirects: RedirectPolicy
    /// The interval of pings to a quiet peer, longer than zero. They find out a peer that is gone although the connection
    /// looks open. `nil`, the default, sends no pings of its own. A `SocketService` has a `HeartbeatPolicy` instead.
    public var pingInterval: Duration?
    /// The time limit for anything to arrive after such a ping, longer than zero. Past it the connection is aborted, and
    /// ``WebSocket/messages`` throws ``WebSocketError/Code-swift.struct/timedOut``. The peer is not blamed while nobody
    /// takes the messages that have arrived, since nothing is read then. The default is 10 s.
    public var pingTimeout: Duration
    /// The time limit for the peer's answer to a close frame, and then for a server to end TCP. The time begins anew with
    /// each step in which messages sent before the close frame still go out. The default is 5 s.
    public var closeTimeout: Duration
    /// The logger: debug level for the life of connections, nothing per message.
    public var logger: Logger
    /// Is shown the peer's pings and pongs: for shapes of other clients.
    package var controlFrames: ControlFrameObserver?

    /// A configuration; every parameter is the property of the same name, with its default.
    public init(
        headers: HTTPFields = [:],
        subprotocols: [String] = [],
        tls: TLSClientConfiguration = TLSClientConfiguration(),
        compression: WebSocketCompression = .automatic,
        maximumMessageSize: Int = 16 << 20,
        receiveBufferSize: Int = 1 << 20,
        sendBufferSize: Int = 1 << 20,
        connectTimeout: Duration = .seconds(10),
        tlsTimeout: Duration? = nil,
        upgradeTimeout: Duration? = nil,
        pingInterval: Duration? = nil,
        pingTimeout: Duration = .seconds(10),
        closeTimeout: Duration = .seconds(5),
        proxy: ProxySelection = .none,
        unixSocketPath: String? = nil,
        redirects: RedirectPolicy = .report,
        logger: Logger = Logger(label: "LibWebSockets.WebSocket")
    ) {
        self.headers = headers
        self.subprotocols = subprotocols
        self.tls = tls
        self.compression = compression
        self.maximumMessageSize = maximumMessageSize
        self.receiveBufferSize = receiveBufferSize
        self.sendBufferSize = sendBufferSize
        self.connectTimeout = connectTimeout
        self.tlsTimeout = tlsTimeout
        self.upgradeTimeout = upgradeTimeout
        self.pingInterval = pingInterval
        self.pingTimeout = pingTimeout
        self.closeTimeout = closeTimeout
        self.proxy = proxy
        self.unixSocketPath = unixSocketPath
        self.redirects = redirects
        self.logger = logger
    }

    func validate() throws(WebSocketError) {
        try limits.validate()
        try Connection.Limits.validate("connectTimeout", connectTimeout)
        try Connection.Limits.validate("tlsTimeout", tlsTimeout)
        try Connection.Limits.validate("upgradeTimeout", upgradeTimeout)
        try Connection.Limits.validate("pingInterval", pingInterval)
        try Connection.Limits.validate("pingTimeout", pingTimeout)
        try compression.validate()
        if let unixSocketPath {
            try SocketAddress.validate(unixPath: unixSocketPath)
            if proxy.isExplicit {
                throw WebSocketError(
                    .invalidConfiguration, stage: .configuration,
                    message:
                        "no proxy leads to the Unix socket \"\(unixSocketPath)\" of this machine: set it or the proxy")
            }
        }
    }

    var keepAlive: KeepAlive? {
        pingInterval.map { KeepAlive(interval: $0.bounded, timeout: pingTimeout.bounded) }
    }

    var limits: Connection.Limits {
        Connection.Limits(
            maximumMessageSize: maximumMessageSize, receiveBuffer: receiveBufferSize, sendBuffer: sendBufferSize,
            closeTimeout: closeTimeout)
    }
}

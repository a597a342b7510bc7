public import HTTPTypes
public import Logging

/// How a ``WebSocket`` connects and behaves.
///
/// Every option has a default; set the ones that matter:
///
/// ```swift
/// let configuration = WebSocketConfiguration(
///     headers: [.authorization: "Bearer \(token)"],
///     tls: TLSConfiguration(trustRoots: .file("/etc/example/ca.pem")))
/// ```
public struct WebSocketConfiguration: Sendable {
    /// Headers of the upgrade request, beside those that the handshake needs. Those cannot be set here.
    public var headers: HTTPFields
    /// The subprotocols to offer, in order of preference (RFC 6455 section 1.9).
    public var subprotocols: [String]
    /// Used for `wss:` only.
    public var tls: TLSConfiguration
    /// The largest message to accept, in bytes. A larger one closes the connection with 1009. The default is 16 MiB.
    public var maximumMessageSize: Int
    /// How many bytes of received messages may wait for the program. Then reading from the network stops until the
    /// program has taken them. The default is 1 MiB.
    public var receiveBufferSize: Int
    /// How many bytes may wait for the network. Then `send` suspends until half of them are gone. The default is 1 MiB.
    public var sendBufferSize: Int
    /// How long everything up to the open connection may take: name resolution, TCP, TLS and upgrade together. The
    /// default is 10 s.
    public var connectTimeout: Duration
    /// How long the peer may take to answer a close frame, and a server then to end TCP. The default is 5 s.
    public var closeTimeout: Duration
    /// Where to log: debug level for the life of connections, nothing per message.
    public var logger: Logger

    public init(
        headers: HTTPFields = [:],
        subprotocols: [String] = [],
        tls: TLSConfiguration = TLSConfiguration(),
        maximumMessageSize: Int = 16 << 20,
        receiveBufferSize: Int = 1 << 20,
        sendBufferSize: Int = 1 << 20,
        connectTimeout: Duration = .seconds(10),
        closeTimeout: Duration = .seconds(5),
        logger: Logger = Logger(label: "LibWebSockets.WebSocket")
    ) {
        self.headers = headers
        self.subprotocols = subprotocols
        self.tls = tls
        self.maximumMessageSize = maximumMessageSize
        self.receiveBufferSize = receiveBufferSize
        self.sendBufferSize = sendBufferSize
        self.connectTimeout = connectTimeout
        self.closeTimeout = closeTimeout
        self.logger = logger
    }

    func validate() throws(WebSocketError) {
        func refuse(_ message: String) -> WebSocketError {
            WebSocketError(.invalidConfiguration, stage: .configuration, message: message)
        }
        for (name, value) in [
            ("maximumMessageSize", maximumMessageSize), ("receiveBufferSize", receiveBufferSize),
            ("sendBufferSize", sendBufferSize),
        ] where value < 1 {
            throw refuse("\(name) is \(value), but must be at least 1 byte")
        }
        for (name, value) in [("connectTimeout", connectTimeout), ("closeTimeout", closeTimeout)] where value <= .zero {
            throw refuse("\(name) is \(value), but must be longer than zero")
        }
    }

    var limits: Connection.Limits {
        Connection.Limits(
            maximumMessageSize: maximumMessageSize, receiveBuffer: receiveBufferSize, sendBuffer: sendBufferSize,
            closeTimeout: closeTimeout)
    }
}

public import Logging

extension WebSocketServer {
    /// The settings of a server.
    public struct Configuration: Sendable {
        /// The address to listen on; loopback by default.
        public var host: String
        /// The port; 0, the default, lets the system choose one.
        public var port: Int
        /// Certificate and key for `wss:`; `nil` for `ws:`.
        public var tls: TLSServerConfiguration?
        /// The compression to accept from clients that offer it. The default is none: permessage-deflate costs time and
        /// memory for each connection, see ``WebSocketCompression``.
        public var compression: WebSocketCompression
        /// The largest message to accept, inflated, in bytes. The default is 16 MiB.
        public var maximumMessageSize: Int
        /// The most bytes of received messages that may wait for the program; see ``WebSocketConfiguration/receiveBufferSize``.
        public var receiveBufferSize: Int
        /// The most bytes that may wait for the network; see ``WebSocketConfiguration/sendBufferSize``.
        public var sendBufferSize: Int
        /// The most connections at once, at least 1. A connection counts from its handshake until it has ended and its
        /// handler has returned. Further ones wait in the system's backlog until there is room, and a warning is logged.
        /// The default is 16,384.
        public var connectionLimit: Int
        /// The most handshakes at once, at least 1. Each takes some 36 KB over TLS, and up to ``handshakeTimeout``. Further
        /// connections wait, as with ``connectionLimit``. The default is 1,024.
        public var handshakeLimit: Int
        /// The time limit for a client's TLS handshake and upgrade request together. The default is 10 s.
        public var handshakeTimeout: Duration
        /// The time limit for the client's answer to a close frame; see ``WebSocketConfiguration/closeTimeout``.
        public var closeTimeout: Duration
        /// The logger: debug level for the life of connections, warnings for handlers that fail.
        public var logger: Logger
        /// Decides on each upgrade request; accepts by default, without subprotocol. Called on the loop's thread: it must
        /// not block.
        public var decide: @Sendable (Request) -> Decision
        /// The faults of each new connection, for tests of clients; called on the loop's thread.
        package var faults: (@Sendable () -> ConnectionFaults)?

        /// A configuration with the defaults that the properties document.
        public init(
            host: String = "127.0.0.1",
            port: Int = 0,
            tls: TLSServerConfiguration? = nil,
            compression: WebSocketCompression = .disabled,
            maximumMessageSize: Int = 16 << 20,
            receiveBufferSize: Int = 1 << 20,
            sendBufferSize: Int = 1 << 20,
            connectionLimit: Int = 16_384,
            handshakeLimit: Int = 1_024,
            handshakeTimeout: Duration = .seconds(10),
            closeTimeout: Duration = .seconds(5),
            logger: Logger = Logger(label: "LibWebSockets.WebSocketServer"),
            decide: @escaping @Sendable (Request) -> Decision = { _ in .accept() }
        ) {
            self.host = host
            self.port = port
            self.tls = tls
            self.compression = compression
            self.maximumMessageSize = maximumMessageSize
            self.receiveBufferSize = receiveBufferSize
            self.sendBufferSize = sendBufferSize
            self.connectionLimit = connectionLimit
            self.handshakeLimit = handshakeLimit
            self.handshakeTimeout = handshakeTimeout
            self.closeTimeout = closeTimeout
            self.logger = logger
            self.decide = decide
        }

        func validate() throws(WebSocketError) {
            try limits.validate()
            try Connection.Limits.validate("handshakeTimeout", handshakeTimeout)
            try compression.validate()
            for (name, value) in [("connectionLimit", connectionLimit), ("handshakeLimit", handshakeLimit)]
            where value < 1 {
                throw WebSocketError(
                    .invalidConfiguration, stage: .configuration,
                    message: "\(name) is \(value), but must be at least 1")
            }
        }

        var limits: Connection.Limits {
            Connection.Limits(
                maximumMessageSize: maximumMessageSize, receiveBuffer: receiveBufferSize, sendBuffer: sendBufferSize,
                closeTimeout: closeTimeout)
        }
    }
}

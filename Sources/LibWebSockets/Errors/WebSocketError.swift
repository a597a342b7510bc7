/// A failure to make a connection, or of a call on one.
///
/// `description` is written for the person reading it: what was tried, what failed and, where it helps, what to do.
/// Programs look at ``code`` and at the detail that goes with it.
public struct WebSocketError: Error, Sendable {
    /// The kind of a failure. New codes may come with new versions: keep a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// The URL, a header, a subprotocol or an option cannot be used; nothing was sent.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")
        /// The libwebsockets or OpenSSL found at run time cannot do the job.
        public static let libraryUnsuitable = Code(description: "libraryUnsuitable")
        /// The operating system lacked something for now: open files, threads, memory or `/dev/urandom`.
        /// ``WebSocketError/errno`` says what; another try may succeed.
        public static let resourceUnavailable = Code(description: "resourceUnavailable")
        /// The host name has no address.
        public static let nameResolutionFailed = Code(description: "nameResolutionFailed")
        /// No address accepted a connection.
        public static let connectFailed = Code(description: "connectFailed")
        /// The TLS handshake failed; ``WebSocketError/tlsFailure`` says which check.
        public static let tlsFailed = Code(description: "tlsFailed")
        /// The server answered the opening handshake with something other than 101; see ``WebSocketError/refusal``.
        public static let upgradeRefused = Code(description: "upgradeRefused")
        /// The server's answer to the opening handshake breaks HTTP or RFC 6455.
        public static let invalidHandshake = Code(description: "invalidHandshake")
        /// A deadline passed; ``WebSocketError/stage`` says which.
        public static let timedOut = Code(description: "timedOut")
        /// The connection was lost without a close frame.
        public static let connectionLost = Code(description: "connectionLost")
        /// The peer closed the connection with a code that stands for an error: any but 1000, 1001 and none.
        /// ``WebSocketError/closure`` holds the code and the reason.
        public static let closedWithError = Code(description: "closedWithError")
        /// The peer broke RFC 6455; ``WebSocketError/closure`` holds the code it was told.
        public static let protocolViolation = Code(description: "protocolViolation")
        /// A message is larger than the configured maximum.
        public static let messageTooBig = Code(description: "messageTooBig")
        /// This side could not go on, for lack of memory for instance; the peer was told 1011.
        public static let internalError = Code(description: "internalError")
        /// This task, or one that has started it, is sending a message in pieces. Another message that it sends would wait for
        /// the end of that one, for ever.
        public static let messageUnderWay = Code(description: "messageUnderWay")
        /// The connection is closing or closed, so the call cannot be carried out.
        public static let connectionClosed = Code(description: "connectionClosed")
        /// The socket loop was shut down.
        public static let loopShutDown = Code(description: "loopShutDown")
    }

    /// The stage that a connection attempt had reached.
    public enum Stage: String, Sendable, CaseIterable {
        /// The checks before anything is sent: of what was asked for, and of the libraries found at run time.
        case configuration
        /// Looking up the host name.
        case nameResolution
        /// TCP, or the Unix domain socket.
        case connect
        /// The proxy's answer to `CONNECT`.
        case proxy
        /// The TLS handshake.
        case tls
        /// The upgrade request and its answer.
        case upgrade
        /// The time after the opening handshake.
        case open
        /// The close handshake, and the time after the end.
        case closing
    }

    /// The kind of failure.
    public let code: Code
    /// The stage that the connection had reached.
    public let stage: Stage
    /// A text for people: what was tried, what failed and what to do about it.
    public let message: String
    /// The check of the TLS handshake that failed.
    public let tlsFailure: TLSFailure?
    /// The server's refusal of the opening handshake.
    public let refusal: UpgradeRefusal?
    /// The end of the connection, where it had been open.
    public let closure: WebSocketClosure?
    /// The operating system's error number, where one was the cause.
    public let errno: Int32?

    /// Makes an error: for transports of your own, and for tests.
    public init(
        _ code: Code,
        stage: Stage,
        message: String,
        tlsFailure: TLSFailure? = nil,
        refusal: UpgradeRefusal? = nil,
        closure: WebSocketClosure? = nil,
        errno: Int32? = nil
    ) {
        self.code = code
        self.stage = stage
        self.message = message
        self.tlsFailure = tlsFailure
        self.refusal = refusal
        self.closure = closure
        self.errno = errno
    }
}

extension WebSocketError: CustomStringConvertible {
    public var description: String { message }
}

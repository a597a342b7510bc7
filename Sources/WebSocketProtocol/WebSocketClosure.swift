/// The end of a connection: what both sides said, and who began.
public struct WebSocketClosure: Hashable, Sendable {
    /// The side that began to close the connection.
    public enum Initiator: Hashable, Sendable {
        /// This side: it sent its close frame first, or gave the connection up without one.
        case local
        /// The peer sent its close frame first.
        case remote
        /// Nobody: the connection was lost without a close frame from the peer.
        case connectionLoss
    }

    /// The side that began to close the connection.
    public let initiator: Initiator
    /// The close frame that this side sent.
    public let sent: CloseFrame?
    /// The close frame that the peer sent; `nil` when the connection ended without one.
    public let received: CloseFrame?

    /// Makes a closure: for transports of your own, and for tests.
    public init(initiator: Initiator, sent: CloseFrame?, received: CloseFrame?) {
        self.initiator = initiator
        self.sent = sent
        self.received = received
    }

    /// The connection close code as RFC 6455 section 7.1.5 defines it: the peer's code, 1005 when its close frame
    /// had none, 1006 when there was no close frame.
    public var code: CloseCode {
        guard let received else { return .abnormalClosure }
        return received.code ?? .noStatusReceived
    }

    /// The peer's reason, empty when it gave none.
    public var reason: String {
        received?.reason ?? ""
    }

    /// The end was orderly: the close handshake was completed (RFC 6455 section 7.1.4), and the peer did not call the end
    /// an error.
    ///
    /// 1000, 1001 and a close frame without a code are orderly ends, and so is any code of this side's that the peer has
    /// echoed. Every other code of the peer's is an error.
    public var isClean: Bool {
        sent != nil && received != nil && !isPeerError
    }
}

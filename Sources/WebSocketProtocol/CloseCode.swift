/// The status code of a close frame (RFC 6455 section 7.4 and the IANA "WebSocket Close Code Number" registry).
///
/// Every number keeps its identity: a code that this type does not name arrives as the number the peer sent.
public struct CloseCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// 1000: the purpose of the connection is fulfilled.
    public static let normalClosure = CloseCode(rawValue: 1000)
    /// 1001: an endpoint is going away, such as a server that stops.
    public static let goingAway = CloseCode(rawValue: 1001)
    /// 1002: the peer broke the protocol.
    public static let protocolError = CloseCode(rawValue: 1002)
    /// 1003: the peer sent a kind of data that cannot be accepted.
    public static let unsupportedData = CloseCode(rawValue: 1003)
    /// 1005: the peer's close frame carried no code. Never sent on the wire.
    public static let noStatusReceived = CloseCode(rawValue: 1005)
    /// 1006: the connection ended without a close frame. Never sent on the wire.
    public static let abnormalClosure = CloseCode(rawValue: 1006)
    /// 1007: a text message was not UTF-8, or a compressed message did not inflate.
    public static let invalidFramePayloadData = CloseCode(rawValue: 1007)
    /// 1008: a message violates the receiver's policy.
    public static let policyViolation = CloseCode(rawValue: 1008)
    /// 1009: a message is too big to process.
    public static let messageTooBig = CloseCode(rawValue: 1009)
    /// 1010: the server did not negotiate an extension the client needs.
    public static let mandatoryExtension = CloseCode(rawValue: 1010)
    /// 1011: the server met a condition it did not expect.
    public static let internalError = CloseCode(rawValue: 1011)
    /// 1012: the service restarts (IANA registry).
    public static let serviceRestart = CloseCode(rawValue: 1012)
    /// 1013: the service is overloaded, try again later (IANA registry).
    public static let tryAgainLater = CloseCode(rawValue: 1013)
    /// 1014: a gateway got an invalid answer from upstream (IANA registry).
    public static let badGateway = CloseCode(rawValue: 1014)
    /// 1015: the TLS handshake failed. Never sent on the wire.
    public static let tlsHandshake = CloseCode(rawValue: 1015)

    /// A close frame may carry this code: it is one that the RFC and the IANA registry define for the wire, or one of
    /// 3000-4999, which belong to libraries and applications (RFC 6455 section 7.4.2).
    public var isAllowedOnTheWire: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

extension CloseCode: CustomStringConvertible {
    /// The number and, where the registry has one, its name: `1006 abnormal closure`.
    public var description: String {
        let name: String? =
            switch self {
            case .normalClosure: "normal closure"
            case .goingAway: "going away"
            case .protocolError: "protocol error"
            case .unsupportedData: "unsupported data"
            case .noStatusReceived: "no status received"
            case .abnormalClosure: "abnormal closure"
            case .invalidFramePayloadData: "invalid frame payload data"
            case .policyViolation: "policy violation"
            case .messageTooBig: "message too big"
            case .mandatoryExtension: "mandatory extension"
            case .internalError: "internal error"
            case .serviceRestart: "service restart"
            case .tryAgainLater: "try again later"
            case .badGateway: "bad gateway"
            case .tlsHandshake: "TLS handshake"
            default: nil
            }
        return name.map { "\(rawValue) \($0)" } ?? "\(rawValue)"
    }
}

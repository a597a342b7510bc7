/// The code of a close frame.
public enum WebSocketErrorCode: Hashable, Sendable {
    /// 1000: the purpose of the connection is fulfilled.
    case normalClosure
    /// 1001: a side goes away.
    case goingAway
    /// 1002: the peer broke the protocol.
    case protocolError
    /// 1003: the peer sent a kind of data that cannot be accepted.
    case unacceptableData
    /// 1007: a message did not hold what its kind promises.
    case dataInconsistentWithMessage
    /// 1008: a message violates the receiver's policy.
    case policyViolation
    /// 1009: a message is too big.
    case messageTooLarge
    /// 1010: the server did not agree to an extension.
    case missingExtension
    /// 1011: the server met a condition that it did not expect.
    case unexpectedServerError
    /// Any other number.
    case unknown(UInt16)

    /// The code of a number; one beyond 65535 is 65535, and one below 0 is 0.
    public init(codeNumber: Int) {
        let number = UInt16(clamping: codeNumber)
        self = Self.named.first { $0.number == number } ?? .unknown(number)
    }

    private static let named: [WebSocketErrorCode] = [
        .normalClosure, .goingAway, .protocolError, .unacceptableData, .dataInconsistentWithMessage, .policyViolation,
        .messageTooLarge, .missingExtension, .unexpectedServerError,
    ]

    var number: UInt16 {
        switch self {
        case .normalClosure: 1000
        case .goingAway: 1001
        case .protocolError: 1002
        case .unacceptableData: 1003
        case .dataInconsistentWithMessage: 1007
        case .policyViolation: 1008
        case .messageTooLarge: 1009
        case .missingExtension: 1010
        case .unexpectedServerError: 1011
        case .unknown(let number): number
        }
    }
}

extension UInt16 {
    /// The number of a code.
    public init(webSocketErrorCode code: WebSocketErrorCode) {
        self = code.number
    }
}

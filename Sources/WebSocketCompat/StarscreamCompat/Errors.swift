/// The kind of a ``WSError``.
public enum ErrorType: Error, Sendable {
    /// A message could not be compressed or inflated.
    case compressionError
    /// The server could not prove who it is.
    case securityError
    /// The server broke RFC 6455.
    case protocolError
    /// The server failed.
    case serverError
}

/// A failure of the protocol, with the close code that the server was told.
public struct WSError: Error, Sendable {
    /// The kind of failure.
    public let type: ErrorType
    /// A description of the failure.
    public let message: String
    /// The close code.
    public let code: UInt16

    /// Makes an error.
    public init(type: ErrorType, message: String, code: UInt16) {
        self.type = type
        self.message = message
        self.code = code
    }
}

/// The reason why the opening handshake failed.
public enum HTTPUpgradeError: Error, Sendable {
    /// The server answered with another status than 101; the status and its headers.
    case notAnUpgrade(Int, [String: String])
    /// The server's answer was no answer. Never thrown here: `WebSocketError` says what was wrong.
    case invalidData
}

/// The close codes of RFC 6455 section 7.4.1 that have names here. Others are numbers.
public enum CloseCode: UInt16, Sendable {
    /// 1000: the purpose of the connection is fulfilled.
    case normal = 1000
    /// 1001: a side goes away.
    case goingAway = 1001
    /// 1002: the peer broke the protocol.
    case protocolError = 1002
    /// 1003: the peer sent a kind of data that cannot be accepted.
    case protocolUnhandledType = 1003
    /// 1005: the close frame had no code.
    case noStatusReceived = 1005
    /// 1007: a message did not hold what its kind promises.
    case encoding = 1007
    /// 1008: a message violates the receiver's policy.
    case policyViolated = 1008
    /// 1009: a message is too big.
    case messageTooBig = 1009
}

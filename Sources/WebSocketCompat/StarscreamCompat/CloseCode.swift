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

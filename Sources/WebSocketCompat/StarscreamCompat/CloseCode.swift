/// The close codes of RFC 6455 section 7.4.1 that have names here. Others are numbers.
public enum CloseCode: UInt16, Sendable {
    /// 1000.
    case normal = 1000
    /// 1001.
    case goingAway = 1001
    /// 1002.
    case protocolError = 1002
    /// 1003.
    case protocolUnhandledType = 1003
    /// 1005: there was no code.
    case noStatusReceived = 1005
    /// 1007.
    case encoding = 1007
    /// 1008.
    case policyViolated = 1008
    /// 1009.
    case messageTooBig = 1009
}

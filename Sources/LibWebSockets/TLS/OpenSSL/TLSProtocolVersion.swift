/// A version of TLS.
public enum TLSProtocolVersion: Int, Hashable, Sendable, Comparable, CustomStringConvertible {
    /// TLS 1.0, withdrawn by RFC 8996: its handshake signatures are forgeable. Choosing it as the minimum also lowers
    /// OpenSSL's security level to 0, without which OpenSSL 3 does not speak it, so weak keys are accepted as well.
    case insecureTLS10 = 0x0301
    /// TLS 1.1, withdrawn by RFC 8996, with the same consequences as ``insecureTLS10``.
    case insecureTLS11 = 0x0302
    /// TLS 1.2 (RFC 5246).
    case tls12 = 0x0303
    /// TLS 1.3 (RFC 8446).
    case tls13 = 0x0304

    public static func < (left: TLSProtocolVersion, right: TLSProtocolVersion) -> Bool {
        left.rawValue < right.rawValue
    }

    public var description: String {
        switch self {
        case .insecureTLS10: "TLS 1.0"
        case .insecureTLS11: "TLS 1.1"
        case .tls12: "TLS 1.2"
        case .tls13: "TLS 1.3"
        }
    }
}

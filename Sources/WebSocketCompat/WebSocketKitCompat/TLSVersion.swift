/// A version of TLS.
public enum TLSVersion: Hashable, Sendable {
    /// TLS 1.0, not spoken here.
    case tlsv1
    /// TLS 1.1, not spoken here.
    case tlsv11
    /// TLS 1.2.
    case tlsv12
    /// TLS 1.3.
    case tlsv13
}

/// A version of TLS.
public enum TLSVersion: Hashable, Sendable {
    /// Not spoken here.
    case tlsv1
    /// Not spoken here.
    case tlsv11
    /// TLS 1.2.
    case tlsv12
    /// TLS 1.3.
    case tlsv13
}

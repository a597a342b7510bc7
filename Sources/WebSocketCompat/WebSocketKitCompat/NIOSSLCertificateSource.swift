/// The place of a certificate.
public enum NIOSSLCertificateSource: Hashable, Sendable {
    /// In a PEM file, which may hold its chain too.
    case file(String)
}

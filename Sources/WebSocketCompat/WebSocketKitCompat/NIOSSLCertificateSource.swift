/// The place of a certificate.
public enum NIOSSLCertificateSource: Hashable, Sendable {
    /// A PEM file, which may hold the certificate's chain too.
    case file(String)
}

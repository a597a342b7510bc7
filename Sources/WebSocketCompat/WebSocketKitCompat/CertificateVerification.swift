/// The checks of the server's certificate.
public enum CertificateVerification: Hashable, Sendable {
    /// Nothing: anybody on the way can impersonate the server.
    case none
    /// Everything but the name: anybody with any valid certificate can impersonate the server.
    case noHostnameVerification
    /// Everything.
    case fullVerification
}

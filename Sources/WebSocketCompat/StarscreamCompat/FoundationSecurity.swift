public import WebSocketCompat

/// The check of certificates.
///
/// For a private authority there is something better than ``init(allowSelfSigned:)``:
/// `socket.options.connection.tls.trustRoots = .pemFile("/etc/example/ca.pem")`.
public final class FoundationSecurity: CertificatePinning {
    private let allowSelfSigned: Bool

    /// Makes the check of certificates.
    ///
    /// - Parameter allowSelfSigned: Accepts every certificate, whoever signed it and whatever it is for: anybody on the way
    ///   can then impersonate the server. The original means the same by it.
    public init(allowSelfSigned: Bool = false) {
        self.allowSelfSigned = allowSelfSigned
    }

    public func configure(_ tls: inout TLSClientConfiguration) {
        guard allowSelfSigned else { return }
        tls.insecureAcceptsUntrustedRoots = true
        tls.insecureAcceptsAnyHostname = true
        tls.insecureAcceptsExpiredCertificates = true
    }
}

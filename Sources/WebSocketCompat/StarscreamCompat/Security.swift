public import WebSocketCompat

/// An object that decides how a server proves who it is. In the original it is shown Apple's `SecTrust`; here it sets TLS
/// up.
public protocol CertificatePinning: AnyObject, Sendable {
    /// Changes the TLS configuration that a connection is made with.
    func configure(_ tls: inout TLSClientConfiguration)
}

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

/// An object that compresses messages. Here it is the library, which offers permessage-deflate unless
/// `options.connection.compression` says otherwise.
public protocol CompressionHandler: AnyObject, Sendable {}

/// The wish for permessage-deflate, which is offered anyway.
public final class WSCompression: CompressionHandler {
    /// Asks for what is the default.
    public init() {}
}

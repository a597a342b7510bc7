/// Which check of a TLS handshake failed, with OpenSSL's own code.
public struct TLSFailure: Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// The chain ends in a certificate authority that is not trusted.
        case untrustedRoot
        /// The server's certificate is signed by itself and not trusted.
        case selfSigned
        case expired
        case notYetValid
        /// The certificate is for other names than the expected one.
        case hostnameMismatch(expected: String, presented: [String])
        /// No pinned key is in the server's chain.
        case pinMismatch
        /// The peer demands a client certificate, or refused the one it got.
        case clientCertificateRequired
        /// The two sides have no TLS version in common.
        case protocolVersion
        /// The peer does not speak TLS.
        case notTLS
        /// The peer ended the handshake with a TLS alert.
        case alert(String)
        /// Another check of OpenSSL's.
        case other(String)
    }

    public let reason: Reason
    /// Where in the chain: 0 is the server's own certificate; `nil` when the failure is not about a certificate.
    public let depth: Int?
    /// The subject of the certificate at fault.
    public let subject: String?
    /// OpenSSL's own code: an `X509_V_ERR_…` for a certificate, else the packed error of `ERR_get_error(3)`.
    public let openSSLCode: Int

    public init(reason: Reason, depth: Int? = nil, subject: String? = nil, openSSLCode: Int = 0) {
        self.reason = reason
        self.depth = depth
        self.subject = subject
        self.openSSLCode = openSSLCode
    }
}

/// A failed check of a TLS handshake, with OpenSSL's own code.
public struct TLSFailure: Hashable, Sendable {
    /// The check that failed. New ones may come with new versions: keep a `default`.
    public enum Reason: String, Hashable, Sendable {
        /// The chain ends in a certificate authority that is not trusted, or in a certificate whose issuer is unknown.
        case untrustedRoot
        /// The server's certificate is signed by itself and not trusted.
        case selfSigned
        /// A certificate of the chain has expired.
        case expired
        /// A certificate of the chain is not valid yet.
        case notYetValid
        /// The certificate is for other names, ``TLSFailure/presentedNames``, than ``TLSFailure/expectedName``.
        case hostnameMismatch
        /// A certificate of the chain was revoked.
        case revoked
        /// The revocation status of a certificate in the chain is unknown, though the configuration or the certificate
        /// demands it: a list or a stapled response is missing, out of date or not to be trusted. ``TLSFailure/detail``
        /// says which.
        case revocationUnknown
        /// The certificate's extended key usage does not allow this use: a client's certificate on a server, say.
        case invalidPurpose
        /// A certificate that may not issue others has issued one.
        case invalidAuthority
        /// A key is too small for OpenSSL's security level.
        case weakKey
        /// A certificate is signed with a broken hash, such as SHA-1.
        case weakSignature
        /// A signature in the chain is wrong.
        case invalidSignature
        /// The chain is longer than allowed.
        case chainTooLong
        /// No pinned key is in the server's chain.
        case pinMismatch
        /// The peer demands a client certificate, and none is configured.
        case clientCertificateRequired
        /// The peer refused the client certificate it got, with the alert of ``TLSFailure/detail``.
        case clientCertificateRefused
        /// The two sides have no TLS version in common.
        case protocolVersion
        /// The peer does not speak TLS.
        case notTLS
        /// The peer ended the handshake with the TLS alert of ``TLSFailure/detail``.
        case alert
        /// Another check of OpenSSL's; ``TLSFailure/detail`` has its words.
        case other
    }

    /// The check that failed.
    public let reason: Reason
    /// The alert's name in RFC 8446 section 6, or OpenSSL's words; `nil` where the reason says everything.
    public let detail: String?
    /// The name that the certificate should be for; only with ``Reason/hostnameMismatch``.
    public let expectedName: String?
    /// The names that the certificate is for, with ``Reason/hostnameMismatch``: those of its subjectAltNames that the check
    /// looks at (RFC 9525). DNS names, and IP addresses as text; the first 4 KiB of them, and then how many more there are.
    public let presentedNames: [String]
    /// The position in the chain: 0 is the server's own certificate; `nil` when the failure is not about a certificate.
    public let depth: Int?
    /// The subject of the certificate at fault, as in RFC 4514, cut at 300 bytes.
    public let subject: String?
    /// The issuer of the certificate at fault, as in RFC 4514, cut at 300 bytes.
    public let issuer: String?
    /// OpenSSL's own code: an `X509_V_ERR_…` for a certificate, an alert's number for an alert, else the packed error of
    /// `ERR_get_error(3)`.
    public let openSSLCode: Int

    /// Makes a failure: for transports of your own, and for tests.
    public init(
        reason: Reason, detail: String? = nil, expectedName: String? = nil, presentedNames: [String] = [],
        depth: Int? = nil, subject: String? = nil, issuer: String? = nil, openSSLCode: Int = 0
    ) {
        self.reason = reason
        self.detail = detail
        self.expectedName = expectedName
        self.presentedNames = presentedNames
        self.depth = depth
        self.subject = subject
        self.issuer = issuer
        self.openSSLCode = openSSLCode
    }

    /// The most bytes of the presented names that are kept: a certificate may carry thousands, and errors are logged.
    static let namesSize = 4 << 10

    /// The server's certificate is what failed. Trying again will not help, and must not be made to.
    public var isVerificationFailure: Bool {
        switch reason {
        case .clientCertificateRequired, .clientCertificateRefused, .protocolVersion, .notTLS, .alert: false
        case .other: depth != nil
        default: true
        }
    }
}

/// The settings of a server's TLS connections.
public struct TLSServerConfiguration: Hashable, Sendable {
    /// A server's demand for client certificates.
    public enum ClientCertificates: Hashable, Sendable {
        /// None is asked for.
        case none
        /// One is asked for; a client without one is let in, one with a wrong one is not.
        case optional(TrustRoots)
        /// Only clients whose certificate descends from one of these roots are let in.
        case required(TrustRoots)
    }

    /// The server's certificate chain and key.
    public var identity: TLSIdentity

    /// The demand for client certificates. The default is ``ClientCertificates/none``.
    public var clientCertificates: ClientCertificates

    /// The oldest version to accept. The default is TLS 1.2.
    public var minimumVersion: TLSProtocolVersion

    /// The newest version to accept. The default, `nil`, is what OpenSSL has; a test of older clients or of what a client
    /// does with an old server sets it.
    public var maximumVersion: TLSProtocolVersion?

    /// OpenSSL's security level (`SSL_CTX_set_security_level(3)`), for tests that have to serve a weak key; `nil` keeps the
    /// system's.
    package var securityLevel: Int?

    /// A configuration; every parameter is the property of the same name, with its default.
    public init(
        identity: TLSIdentity, clientCertificates: ClientCertificates = .none,
        minimumVersion: TLSProtocolVersion = .tls12,
        maximumVersion: TLSProtocolVersion? = nil
    ) {
        self.identity = identity
        self.clientCertificates = clientCertificates
        self.minimumVersion = minimumVersion
        self.maximumVersion = maximumVersion
    }

    /// The files that it reads.
    var paths: Set<String> {
        switch clientCertificates {
        case .none: identity.sources.paths
        case .optional(let roots), .required(let roots): (identity.sources + roots.files).paths
        }
    }
}

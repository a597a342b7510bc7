internal import LibWebSockets

/// The settings of TLS connections, in the shape of SwiftNIO's. Settings that it has no place for are in
/// `WebSocketClient.Configuration.options.connection.tls`.
public struct TLSConfiguration: Sendable {
    /// The authorities that may have signed the server's certificate. `nil` and ``NIOSSLTrustRoots/default`` are the system's.
    public var trustRoots: NIOSSLTrustRoots?
    /// The checks of the server's certificate.
    public var certificateVerification: CertificateVerification = .fullVerification
    /// The oldest version to speak; 1.2 is the oldest that there is here.
    public var minimumTLSVersion: TLSVersion = .tlsv1
    /// The newest version to speak.
    public var maximumTLSVersion: TLSVersion?
    /// The certificate to show a server that asks for one, in a PEM file with its chain.
    public var certificateChain: [NIOSSLCertificateSource] = []
    /// The key of that certificate.
    public var privateKey: NIOSSLPrivateKeySource?

    /// A client's configuration with the defaults.
    public static func makeClientConfiguration() -> TLSConfiguration { TLSConfiguration() }

    private init() {}

    func apply(to tls: inout TLSClientConfiguration) {
        if case .file(let path) = trustRoots { tls.trustRoots = .pemFile(path) }
        switch certificateVerification {
        case .fullVerification: break
        case .noHostnameVerification: tls.insecureAcceptsAnyHostname = true
        case .none:
            tls.insecureAcceptsAnyHostname = true
            tls.insecureAcceptsUntrustedRoots = true
            tls.insecureAcceptsExpiredCertificates = true
        }
        if minimumTLSVersion == .tlsv13 { tls.minimumVersion = .tls13 }
        if let maximumTLSVersion { tls.maximumVersion = maximumTLSVersion == .tlsv13 ? .tls13 : .tls12 }
        if case .file(let chain)? = certificateChain.first, case .file(let key)? = privateKey {
            tls.clientIdentity = .pemFiles(certificateChain: chain, privateKey: key)
        }
    }
}

/// The authorities that a program trusts.
public enum NIOSSLTrustRoots: Hashable, Sendable {
    /// The authorities in a PEM file.
    case file(String)
    /// The system's authorities.
    case `default`
}

/// The place of a certificate.
public enum NIOSSLCertificateSource: Hashable, Sendable {
    /// A PEM file, which may hold the certificate's chain too.
    case file(String)
}

/// The place of a key.
public enum NIOSSLPrivateKeySource: Hashable, Sendable {
    /// A PEM file.
    case file(String)
}

/// The checks of the server's certificate.
public enum CertificateVerification: Hashable, Sendable {
    /// Nothing: anybody on the way can impersonate the server.
    case none
    /// Everything but the name: anybody with any valid certificate can impersonate the server.
    case noHostnameVerification
    /// Everything.
    case fullVerification
}

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

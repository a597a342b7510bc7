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

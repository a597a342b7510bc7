internal import COpenSSL

/// What a server's TLS looks like to a client, and everything that the client's configuration has against it.
///
/// A connection ends at the first check that fails; this tells of all of them, and shows the certificates also of a server
/// that cannot be trusted. `lwscat tls` prints it.
public struct TLSInspection: Sendable {
    /// Version, cipher suite and the server's own certificate.
    public let connection: TLSConnectionInfo
    /// The certificates as the server sent them: its own, then those that are to lead to a root. One that cannot be read
    /// is left out.
    public let certificates: [PeerCertificate]
    /// Whether the server has asked for a client certificate. With TLS 1.3 it says only later whether it insists on one.
    public let asksForClientCertificate: Bool
    /// What is wrong with the certificates, each fault once, in the order in which OpenSSL found them: the first is what a
    /// connection fails with. Each has its ``WebSocketError/tlsFailure``. Empty when a connection would go on.
    public let failures: [WebSocketError]

    /// `nil` before the handshake is complete.
    init?(_ ssl: OpaquePointer, asksForCertificate: Bool, failures: [WebSocketError]) {
        guard let connection = unsafe TLSConnectionInfo(ssl) else { return nil }
        self.connection = connection
        let chain = unsafe SSL_get_peer_cert_chain(ssl)
        certificates = (0..<(unsafe copenssl_sk_X509_num(chain))).compactMap { index in
            unsafe copenssl_sk_X509_value(chain, index).flatMap { unsafe PeerCertificate(reading: $0) }
        }
        asksForClientCertificate = asksForCertificate
        self.failures = failures
    }
}

/// How an attempt that inspects ends when there was something to see.
struct InspectionIsDone: Error {
    let inspection: TLSInspection
}

internal import COpenSSL

/// A client's view of a server's TLS, with everything that the client's configuration has against it.
///
/// A connection ends at the first check that fails; an inspection lists all of them, and shows even the certificates of a
/// server that cannot be trusted. `lwscat tls` prints it.
public struct TLSInspection: Sendable {
    /// Version, cipher suite and the server's own certificate.
    public let connection: TLSConnectionInfo
    /// The certificates as the server sent them: its own, then those that are to lead to a root. One that cannot be read
    /// is left out.
    public let certificates: [PeerCertificate]
    /// The server has asked for a client certificate. With TLS 1.3, only a later message says whether it insists on one.
    public let asksForClientCertificate: Bool
    /// The faults of the certificates, each once, in the order in which OpenSSL found them; a connection fails with the
    /// first. Each has its ``WebSocketError/tlsFailure``. Empty when a connection would go on.
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

internal import COpenSSL

/// The properties of a TLS connection, as its handshake agreed on them.
public struct TLSConnectionInfo: Hashable, Sendable {
    /// The negotiated version.
    public let version: TLSProtocolVersion
    /// The negotiated cipher suite by OpenSSL's name, such as `TLS_AES_256_GCM_SHA384`.
    public let cipherSuite: String
    /// The handshake took up an earlier session again, which saves the certificates and a signature.
    public let isResumed: Bool
    /// The certificate that the peer showed; `nil` on a server whose client showed none.
    public let peerCertificate: PeerCertificate?

    /// `nil` before the handshake is complete.
    init?(_ ssl: OpaquePointer) {
        guard unsafe SSL_is_init_finished(ssl) == 1,
            let version = unsafe TLSProtocolVersion(rawValue: Int(SSL_version(ssl))),
            let cipher = unsafe SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))
        else { return nil }
        self.version = version
        cipherSuite = unsafe String(cString: cipher)
        isResumed = unsafe SSL_session_reused(ssl) == 1
        peerCertificate = unsafe PeerCertificate(ofPeerOf: ssl)
    }
}

internal import COpenSSL
internal import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Owner of the client's `SSL_CTX` for one `TLSConfiguration`.
///
/// libwebsockets gets ``sslContext`` as `provided_client_ssl_ctx` and neither counts nor frees it: whoever holds the vhost
/// holds this object. An `SSL*` made from it, however, keeps the `SSL_CTX` alive by itself.
///
/// libwebsockets configures each `SSL*` in its own way (a verification callback of its own, the host name cut at the first
/// colon as SNI, its own ALPN). That is replaced in `SSL_CB_HANDSHAKE_START`, which comes before the ClientHello is made:
/// there the `SSL*` is bound to its `TLSHandshake`, which sets names, SNI, ALPN, the session and our verification callback.
/// An `SSL*` for which no handshake is announced gets a callback that refuses every certificate.
@safe final class TLSClientContext: Sendable {
    let configuration: TLSConfiguration
    /// The `SSL_CTX`. OpenSSL's own locks make it usable from several threads once it is configured, which `init` does.
    nonisolated(unsafe) let sslContext: OpaquePointer
    let sessions = TLSSessionStore()
    let pendingHandshakes = PendingTLSHandshakes()
    private let keyLog: Int32?

    init(_ configuration: TLSConfiguration) throws(WebSocketError) {
        try OpenSSLVersion.check()
        ERR_clear_error()
        guard
            let owned = unsafe OpenSSLObject(SSL_CTX_new(TLS_client_method()), releasedBy: { unsafe SSL_CTX_free($0) })
        else {
            throw WebSocketError(
                .libraryUnsuitable, stage: .configuration,
                message: "OpenSSL cannot make a TLS context: \(OpenSSLError.takeText()).")
        }
        try unsafe Self.configure(owned.pointer, configuration)
        let keyLog = try Self.openKeyLog(configuration.keyLogFile)
        guard unsafe SSL_CTX_up_ref(owned.pointer) == 1 else {
            throw .invalidTLSConfiguration("OpenSSL cannot share its TLS context.")
        }
        self.configuration = configuration
        self.keyLog = keyLog
        unsafe sslContext = owned.pointer
        unsafe pendingHandshakes.attach(to: sslContext)
        unsafe SSL_CTX_set_info_callback(sslContext, tlsInfoCallback)
        unsafe SSL_CTX_set_cert_cb(sslContext, tlsCertificateRequestCallback, nil)
        unsafe copenssl_SSL_CTX_set_session_cache_mode(
            sslContext, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        unsafe SSL_CTX_sess_set_new_cb(sslContext, tlsNewSessionCallback)
        if keyLog != nil { unsafe SSL_CTX_set_keylog_callback(sslContext, tlsKeyLogCallback) }
    }

    deinit {
        unsafe SSL_CTX_free(sslContext)
        if let keyLog { close(keyLog) }
    }

    private static func configure(
        _ sslContext: OpaquePointer, _ configuration: TLSConfiguration
    ) throws(WebSocketError) {
        unsafe copenssl_SSL_CTX_refuse_renegotiation_and_compression(sslContext)
        unsafe SSL_CTX_set_verify(sslContext, SSL_VERIFY_PEER, refuseCertificate)
        try unsafe SSLContext.setMinimumVersion(configuration.minimumVersion, on: sslContext)
        if let suites = configuration.cipherSuites {
            try unsafe SSLContext.setCipherSuites(suites, minimumVersion: configuration.minimumVersion, on: sslContext)
        }
        try unsafe SSLContext.setTrustRoots(configuration.trustRoots, on: sslContext)
        if let identity = configuration.clientIdentity {
            try unsafe SSLContext.setIdentity(identity, on: sslContext)
        }
        if let name = configuration.serverName { _ = try TLSPeerName(name) }
    }

    private static func openKeyLog(_ path: String?) throws(WebSocketError) -> Int32? {
        guard let path else { return nil }
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let code = errno
            throw WebSocketError(
                .invalidConfiguration, stage: .configuration,
                message: "The key log file \(path) cannot be written: \(unsafe String(cString: strerror(code))).",
                errno: code)
        }
        return descriptor
    }

    /// Appends one line with one write, so that lines of several threads do not mix.
    func log(keyLine: UnsafePointer<CChar>) {
        guard let keyLog else { return }
        let line = unsafe Array(UnsafeBufferPointer(start: keyLine, count: strlen(keyLine))) + [CChar(10)]
        // A debugging aid must not end a connection: what cannot be written is missing from the log.
        _ = unsafe write(keyLog, line, line.count)
    }
}

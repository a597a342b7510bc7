internal import COpenSSL
internal import Logging
internal import Synchronization

/// Owner of the client's `SSL_CTX`, which all configurations share that differ only in what each connection decides for
/// itself (``TLSClientConfiguration/sharedPart``).
///
/// An `SSL*` made from it keeps the `SSL_CTX` alive by itself. Until it is bound to a ``TLSHandshake``, which sets names, SNI,
/// ALPN, the session and our verification callback, it refuses every certificate.
@safe final class TLSClientContext: Sendable {
    /// The `SSL_CTX`. `nonisolated(unsafe)`: OpenSSL's own locks make it usable from several threads once it is configured,
    /// which `init` does.
    nonisolated(unsafe) let sslContext: OpaquePointer
    let sessions: TLSSessionStore
    /// The versions that a ClientHello offers, the oldest and the newest.
    let offeredVersions: ClosedRange<TLSProtocolVersion>
    /// Kept for the next context with these roots; the `SSL_CTX` has a reference of its own to what is in it.
    private let trustStore: TrustStore
    private let keyLog: TLSKeyLog?
    private let released: @Sendable () -> Void

    /// - Parameters:
    ///   - now: The time in seconds since 1970, for the age of sessions.
    ///   - released: Called when nobody uses the context any more, on any thread.
    init(
        _ configuration: TLSClientConfiguration, logger: Logger,
        now: @escaping @Sendable () -> Int64 = TLSSessionStore.systemTime,
        released: @escaping @Sendable () -> Void = {}
    ) throws(WebSocketError) {
        try OpenSSLVersion.check()
        ERR_clear_error()
        guard
            let owned = unsafe OpenSSLObject(SSL_CTX_new(TLS_client_method()), releasedBy: { unsafe SSL_CTX_free($0) })
        else {
            throw OpenSSLError.failure(stage: .configuration, "OpenSSL cannot make a TLS context")
        }
        trustStore = try TrustStore.shared(
            configuration.trustRoots, revocationLists: configuration.revocationLists?.sources ?? [])
        unsafe trustStore.use(on: owned.pointer)
        try unsafe Self.configure(owned.pointer, configuration)
        if let path = configuration.keyLogFile {
            keyLog = try TLSKeyLog(path: path, logger: logger)
        } else {
            keyLog = nil
        }
        guard unsafe SSL_CTX_up_ref(owned.pointer) == 1 else {
            throw .invalidTLSConfiguration("OpenSSL cannot share its TLS context.")
        }
        sessions = TLSSessionStore(now: now)
        self.released = released
        unsafe sslContext = owned.pointer
        offeredVersions = unsafe SSLContextSettings.versions(of: sslContext)
        unsafe SSL_CTX_set_info_callback(sslContext, tlsInfoCallback)
        unsafe copenssl_SSL_CTX_set_tlsext_status_cb(sslContext, tlsStatusCallback)
        unsafe SSL_CTX_set_cert_cb(sslContext, tlsCertificateRequestCallback, nil)
        unsafe copenssl_SSL_CTX_set_session_cache_mode(
            sslContext, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        unsafe SSL_CTX_sess_set_new_cb(sslContext, tlsNewSessionCallback)
        // The server and the store decide how long a session is good; OpenSSL's default would be two hours.
        unsafe SSL_CTX_set_timeout(sslContext, Int(TLSClientConfiguration.longestSessionAge))
        if keyLog != nil { unsafe SSL_CTX_set_keylog_callback(sslContext, tlsKeyLogCallback) }
    }

    deinit {
        unsafe SSL_CTX_free(sslContext)
        released()
    }

    private static func configure(
        _ sslContext: OpaquePointer, _ configuration: TLSClientConfiguration
    ) throws(WebSocketError) {
        unsafe SSLContextSettings.prepare(sslContext)
        unsafe SSL_CTX_set_verify(sslContext, SSL_VERIFY_PEER, refuseCertificate)
        try unsafe SSLContextSettings.setMinimumVersion(configuration.minimumVersion, on: sslContext)
        if let suites = configuration.cipherSuites {
            try unsafe SSLContextSettings.setCipherSuites(
                suites, minimumVersion: configuration.minimumVersion, on: sslContext)
        }
        if let version = configuration.maximumVersion {
            try unsafe SSLContextSettings.lowerMaximumVersion(to: version, on: sslContext)
        }
        if let lists = configuration.revocationLists {
            unsafe X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(sslContext), lists.verificationFlags)
        }
        if let identity = configuration.clientIdentity {
            try unsafe SSLContextSettings.setIdentity(identity, on: sslContext)
        }
    }

    /// The time at which the first of the revocation lists is out of date, in seconds since 1970; `nil` where none is or
    /// says so.
    var revocationListExpiry: Int64? { trustStore.revocationListExpiry }

    func log(keyLine: UnsafePointer<CChar>) { unsafe keyLog?.append(keyLine) }
}

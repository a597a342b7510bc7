internal import COpenSSL

/// How a server makes its TLS connections.
public struct TLSServerConfiguration: Hashable, Sendable {
    /// Whether clients show certificates.
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

    /// Whether clients must show certificates, and which. The default is ``ClientCertificates/none``.
    public var clientCertificates: ClientCertificates

    /// The oldest version to accept. The default is TLS 1.2.
    public var minimumVersion: TLSVersion

    /// The newest version to accept. The default, `nil`, is what OpenSSL has; a test of older clients or of what a client
    /// does with an old server sets it.
    public var maximumVersion: TLSVersion?

    /// OpenSSL's security level (`SSL_CTX_set_security_level(3)`), for tests that have to serve a weak key; `nil` keeps the
    /// system's.
    package var securityLevel: Int?

    /// A configuration; every parameter is the property of the same name, with its default.
    public init(
        identity: TLSIdentity, clientCertificates: ClientCertificates = .none, minimumVersion: TLSVersion = .tls12,
        maximumVersion: TLSVersion? = nil
    ) {
        self.identity = identity
        self.clientCertificates = clientCertificates
        self.minimumVersion = minimumVersion
        self.maximumVersion = maximumVersion
    }

    /// Applies this to the server's `SSL_CTX`, which libwebsockets makes and owns.
    ///
    /// What `lws_create_vhost` needs for a TLS server without any file (read in libwebsockets 4.1.6, `lib/tls/tls-server.c`
    /// and `lib/tls/openssl/openssl-server.c`):
    ///
    /// - `options` with `LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX`, and **no**
    ///   certificate or key, neither as a path nor in memory: the `SSL_CTX` is then made empty and handed over as `user`
    ///   of `LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS`, where this is called. Returning non-zero there makes
    ///   `lws_create_vhost` return NULL. (Its own memory loader takes one certificate, RSA or EC keys only, and no chain.)
    /// - not `LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT`: verification is set up here.
    /// - `alpn = "http/1.1"`: the ALPN callback is installed after that callback, and its default would let a client
    ///   choose `h2`, which switches a raw connection to the HTTP/2 role.
    ///
    /// - Throws: `invalidConfiguration` that says which file or key is wrong.
    package func configure(_ sslContext: OpaquePointer) throws(WebSocketError) {
        try OpenSSLVersion.check()
        ERR_clear_error()
        unsafe SSLContext.prepare(sslContext)
        if let securityLevel { unsafe SSL_CTX_set_security_level(sslContext, Int32(securityLevel)) }
        try unsafe SSLContext.setMinimumVersion(minimumVersion, on: sslContext)
        if let maximumVersion {
            unsafe copenssl_SSL_CTX_set_max_proto_version(sslContext, Int32(maximumVersion.rawValue))
        }
        // libwebsockets' own SNI callback looks for another vhost on the same port, whose name need only begin alike, and
        // switches to its SSL_CTX. One server has one identity.
        unsafe copenssl_SSL_CTX_clear_servername_callback(sslContext)
        try unsafe SSLContext.setIdentity(identity, on: sslContext)
        switch clientCertificates {
        case .none:
            unsafe SSL_CTX_set_verify(sslContext, SSL_VERIFY_NONE, nil)
        case .optional(let roots):
            unsafe SSL_CTX_set_verify(sslContext, SSL_VERIFY_PEER, nil)
            try unsafe setClientRoots(roots, on: sslContext)
        case .required(let roots):
            unsafe SSL_CTX_set_verify(sslContext, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
            try unsafe setClientRoots(roots, on: sslContext)
        }
    }

    private func setClientRoots(_ roots: TrustRoots, on sslContext: OpaquePointer) throws(WebSocketError) {
        try unsafe TrustStore.shared(roots).use(on: sslContext)
        // Without an id context OpenSSL fails the resumption of a session that had a client certificate
        // (SSL_CTX_set_session_id_context(3)). The session cache is per SSL_CTX, so any value will do.
        let identifier = Array("swift-libwebsockets".utf8)
        guard unsafe SSL_CTX_set_session_id_context(sslContext, identifier, UInt32(identifier.count)) == 1 else {
            throw .invalidTLSConfiguration("OpenSSL refused the session id context: \(OpenSSLError.takeText()).")
        }
    }
}

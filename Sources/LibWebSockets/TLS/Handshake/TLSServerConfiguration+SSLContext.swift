internal import COpenSSL

extension TLSServerConfiguration {
    /// Applies this to a server's `SSL_CTX`.
    ///
    /// - Throws: `invalidConfiguration` that says which file or key is wrong.
    package func configure(_ sslContext: OpaquePointer) throws(WebSocketError) {
        try OpenSSLVersion.check()
        ERR_clear_error()
        unsafe SSLContextSettings.prepare(sslContext)
        if let securityLevel { unsafe SSL_CTX_set_security_level(sslContext, Int32(securityLevel)) }
        try unsafe SSLContextSettings.setMinimumVersion(minimumVersion, on: sslContext)
        if let maximumVersion {
            unsafe copenssl_SSL_CTX_set_max_proto_version(sslContext, Int32(maximumVersion.rawValue))
        }
        try unsafe SSLContextSettings.setIdentity(identity, on: sslContext)
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

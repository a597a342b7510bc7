internal import COpenSSL

/// The settings that the client's and the server's configuration make alike in an `SSL_CTX`.
enum SSLContextSettings {
    /// Sets what every `SSL_CTX` of ours has, before anything that a configuration says.
    static func prepare(_ sslContext: OpaquePointer) {
        unsafe copenssl_SSL_CTX_refuse_renegotiation_and_compression(sslContext)
        // With OpenSSL's default one SSL_read(3) goes on for as long as records without data come, a flood of KeyUpdates
        // or of tickets: the peer would have the loop to itself.
        unsafe copenssl_SSL_CTX_clear_mode(sslContext, Int(SSL_MODE_AUTO_RETRY))
        unsafe copenssl_SSL_CTX_limit_groups(sslContext)
        unsafe preferAES128(on: sslContext)
        // An idle connection keeps no buffers of 16 KiB each for records.
        unsafe copenssl_SSL_CTX_set_mode(sslContext, Int(SSL_MODE_RELEASE_BUFFERS))
    }

    static func setMinimumVersion(
        _ version: TLSProtocolVersion, on sslContext: OpaquePointer
    ) throws(WebSocketError) {
        guard unsafe copenssl_SSL_CTX_set_min_proto_version(sslContext, Int32(version.rawValue)) == 1 else {
            throw .invalidTLSConfiguration("This OpenSSL cannot speak \(version): \(OpenSSLError.takeText()).")
        }
        // At level 1 and above OpenSSL 3 refuses the MD5-SHA1 signatures of TLS 1.0 and 1.1 (SSL_CTX_set_security_level(3)).
        if version < .tls12 { unsafe SSL_CTX_set_security_level(sslContext, 0) }
    }

    /// - Throws: `invalidConfiguration` when nothing is left, as the cipher suites are for newer versions.
    static func lowerMaximumVersion(
        to version: TLSProtocolVersion, on sslContext: OpaquePointer
    ) throws(WebSocketError) {
        let versions = unsafe versions(of: sslContext)
        guard version >= versions.lowerBound else {
            throw .invalidTLSConfiguration(
                """
                maximumVersion is \(version), but what else is configured, cipherSuites or the system's openssl.cnf, \
                leaves nothing older than \(versions.lowerBound).
                """)
        }
        let maximum = Int32(min(version, versions.upperBound).rawValue)
        unsafe copenssl_SSL_CTX_set_max_proto_version(sslContext, maximum)
    }

    /// The oldest and the newest version that are switched on, by us or by the system's configuration (openssl.cnf).
    static func versions(of sslContext: OpaquePointer) -> ClosedRange<TLSProtocolVersion> {
        // 0 means: whatever OpenSSL has.
        let minimum =
            TLSProtocolVersion(rawValue: unsafe Int(copenssl_SSL_CTX_get_min_proto_version(sslContext)))
            ?? .insecureTLS10
        let maximum =
            TLSProtocolVersion(rawValue: unsafe Int(copenssl_SSL_CTX_get_max_proto_version(sslContext))) ?? .tls13
        return minimum...max(minimum, maximum)
    }

    /// Loads the certificate, its chain and its key, and checks that they belong together.
    static func setIdentity(_ identity: TLSIdentity, on sslContext: OpaquePointer) throws(WebSocketError) {
        switch identity.format {
        case .pem(let chainOrigin, let keyOrigin):
            let chainText = try chainOrigin.read(for: "certificate chain")
            let chain = try PEM.certificates(chainText, from: chainOrigin, for: "certificate chain")
            let keyText = try keyOrigin.read(for: "private key")
            let key = try PEM.privateKey(keyText, from: keyOrigin, passphrase: identity.passphrase)
            guard
                let certificate = unsafe OpenSSLObject(
                    copenssl_sk_X509_shift(chain.pointer), releasedBy: { unsafe X509_free($0) })
            else { throw .invalidTLSConfiguration("The certificate chain (\(chainOrigin)) is empty.") }
            try unsafe use(certificate.pointer, key.pointer, chain.pointer, identity: identity, on: sslContext)
        case .pkcs12(let origin):
            try unsafe setPKCS12(origin, identity: identity, on: sslContext)
        }
    }

    private static func setPKCS12(
        _ origin: FileOrBytes, identity: TLSIdentity, on sslContext: OpaquePointer
    ) throws(WebSocketError) {
        let content = try origin.read(for: "PKCS#12")
        ERR_clear_error()
        guard let bio = OpenSSLObject.memoryBIO(reading: content),
            let archive = unsafe OpenSSLObject(
                d2i_PKCS12_bio(bio.pointer, nil), releasedBy: { unsafe PKCS12_free($0) })
        else {
            throw .invalidTLSConfiguration("\(origin) is not a PKCS#12 file: \(OpenSSLError.takeText()).")
        }
        var rawKey: OpaquePointer?
        var rawCertificate: OpaquePointer?
        var rawChain: OpaquePointer?
        let parsed = unsafe PKCS12_parse(
            archive.pointer, identity.passphrase ?? "", &rawKey, &rawCertificate, &rawChain)
        let key = unsafe OpenSSLObject(rawKey, releasedBy: { unsafe EVP_PKEY_free($0) })
        let certificate = unsafe OpenSSLObject(rawCertificate, releasedBy: { unsafe X509_free($0) })
        let chain = unsafe OpenSSLObject(rawChain, releasedBy: { unsafe copenssl_sk_X509_free($0) })
        guard parsed == 1 else {
            let error = OpenSSLError.take()
            let isWrongPassphrase = error?.reason == PKCS12_R_MAC_VERIFY_FAILURE
            throw .invalidTLSConfiguration(
                isWrongPassphrase
                    ? "The passphrase does not open the PKCS#12 file (\(origin))."
                    : """
                    The PKCS#12 file (\(origin)) cannot be opened: \(error?.text ?? "no reason given"). If it was made \
                    by an older tool, export it again with AES.
                    """)
        }
        guard let key, let certificate else {
            throw .invalidTLSConfiguration("The PKCS#12 file (\(origin)) lacks a certificate or its private key.")
        }
        switch consume chain {
        case .some(let chain):
            try unsafe use(certificate.pointer, key.pointer, chain.pointer, identity: identity, on: sslContext)
        case .none:
            try unsafe use(certificate.pointer, key.pointer, nil, identity: identity, on: sslContext)
        }
    }

    private static func use(
        _ certificate: OpaquePointer, _ key: OpaquePointer, _ chain: OpaquePointer?, identity: TLSIdentity,
        on sslContext: OpaquePointer
    ) throws(WebSocketError) {
        ERR_clear_error()
        guard unsafe SSL_CTX_use_cert_and_key(sslContext, certificate, key, chain, 1) == 1 else {
            let error = OpenSSLError.take()
            let isMismatch = unsafe X509_check_private_key(certificate, key) != 1
            ERR_clear_error()
            throw .invalidTLSConfiguration(
                isMismatch
                    ? "The private key does not belong to the certificate (\(identity))."
                    : "The certificate cannot be used (\(identity)): \(error?.text ?? "no reason given").")
        }
    }
}

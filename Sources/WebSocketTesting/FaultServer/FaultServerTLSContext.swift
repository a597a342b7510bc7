import COpenSSL
import LibWebSockets

/// An `SSL_CTX` made from ``FaultServer/TLS``.
final class FaultServerTLSContext: Sendable {
    // OpenSSL allows threads to share a context that is no longer changed (openssl-threads(7)).
    nonisolated(unsafe) let pointer: OpaquePointer

    init(_ configuration: FaultServer.TLS) throws {
        _ = OpenSSLCleanup.isDisabled
        guard let pointer = SSL_CTX_new(TLS_server_method()) else { throw Self.error("SSL_CTX_new") }
        self.pointer = pointer
        // The macros SSL_CTX_set_min_proto_version and SSL_CTX_set_max_proto_version, which Swift does not see.
        let minimum = SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, configuration.minimumVersion.rawValue, nil)
        let maximum = SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, configuration.maximumVersion.rawValue, nil)
        guard minimum == 1, maximum == 1 else { throw Self.error("setting the protocol versions") }
        // Without that OpenSSL refuses weak keys and has no ciphers for old protocol versions.
        SSL_CTX_set_security_level(pointer, 0)
        // A write on a non-blocking socket may be repeated from a different array (the macro SSL_CTX_set_mode).
        SSL_CTX_ctrl(
            pointer, SSL_CTRL_MODE, Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER), nil)
        // A client may leave out close_notify; SSL_OP_BIT(7) is a macro that Swift does not see.
        let ignoreUnexpectedEOF: UInt64 = 1 << 7
        SSL_CTX_set_options(pointer, ignoreUnexpectedEOF)
        try useCertificateChain(configuration.certificateChain)
        try usePrivateKey(configuration.privateKey)
        if let authorities = configuration.clientAuthorities { try requireClientCertificate(from: authorities) }
    }

    deinit { SSL_CTX_free(pointer) }

    private func useCertificateChain(_ pem: String) throws {
        let certificates = try Self.certificates(in: pem)
        defer { for certificate in certificates { X509_free(certificate) } }
        guard let leaf = certificates.first, SSL_CTX_use_certificate(pointer, leaf) == 1 else {
            throw Self.error("using the certificate chain")
        }
        for issuer in certificates.dropFirst() {
            // The macro SSL_CTX_add1_chain_cert: 1 says that the context takes a reference of its own.
            guard SSL_CTX_ctrl(pointer, SSL_CTRL_CHAIN_CERT, 1, UnsafeMutableRawPointer(issuer)) == 1 else {
                throw Self.error("adding an issuer to the certificate chain")
            }
        }
    }

    private func usePrivateKey(_ pem: String) throws {
        let key = Self.withBIO(pem) { PEM_read_bio_PrivateKey($0, nil, nil, nil) }
        defer { EVP_PKEY_free(key) }
        guard let key, SSL_CTX_use_PrivateKey(pointer, key) == 1 else { throw Self.error("using the private key") }
    }

    private func requireClientCertificate(from pem: String) throws {
        let certificates = try Self.certificates(in: pem)
        defer { for certificate in certificates { X509_free(certificate) } }
        for certificate in certificates {
            guard X509_STORE_add_cert(SSL_CTX_get_cert_store(pointer), certificate) == 1,
                SSL_CTX_add_client_CA(pointer, certificate) == 1
            else { throw Self.error("using the client authorities") }
        }
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }

    /// The certificates in a PEM text; the caller frees them.
    private static func certificates(in pem: String) throws -> [OpaquePointer] {
        let certificates = withBIO(pem) { bio in
            var certificates: [OpaquePointer] = []
            while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) { certificates.append(certificate) }
            return certificates
        }
        // The end of the text is reported as an error (PEM_R_NO_START_LINE).
        if !certificates.isEmpty { ERR_clear_error() }
        guard !certificates.isEmpty else { throw error("reading certificates from PEM") }
        return certificates
    }

    private static func withBIO<Result>(_ text: String, _ body: (OpaquePointer?) -> Result) -> Result {
        var text = text
        return text.withUTF8 { bytes in
            let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count))
            defer { BIO_free(bio) }
            return body(bio)
        }
    }

    private static func error(_ what: String) -> FaultServerError {
        FaultServerError(description: "FaultServer: \(what) failed: \(OpenSSLErrors.drain())")
    }
}

import COpenSSL
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite struct TLSHandshakeAlertTests {
    // MARK: Client certificates

    static func mutualServer(
        _ authority: CertificateAuthority, version: Int32, optional: Bool = false
    ) throws -> TLSServer {
        let roots = TrustRoots.pem(authority.certificatePEM)
        return try TLSServer(
            TLSServerConfiguration(
                identity: authority.issue(names: ["localhost"]).identity,
                clientCertificates: optional ? .optional(roots) : .required(roots))
        ) { copenssl_SSL_CTX_set_max_proto_version($0, version) }
    }

    @Test(
        "A client certificate is shown, and a server that demands one says so to a client without",
        arguments: TLSHandshakeVerificationTests.versions)
    func clientCertificate(version: Int32) throws {
        let authority = try CertificateAuthority()
        let roots = TrustRoots.pem(authority.certificatePEM)
        let server = try Self.mutualServer(authority, version: version)
        let client = try authority.issue(commonName: "The client", purpose: .client)

        let good = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: roots, clientIdentity: client.identity), server: server
        ).connect()
        #expect(good.error == nil, "\(good.message)")
        #expect(good.clientCertificate?.subject == "CN=The client")

        let without = try TLSLoopback(client: TLSClientConfiguration(trustRoots: roots), server: server).connect()
        #expect(without.failure?.reason == .clientCertificateRequired)
        #expect(without.failure?.isVerificationFailure == false)
        #expect(without.message.contains("localhost:443 demands a client certificate"))
        #expect(without.message.contains("clientIdentity: .pemFiles("))
    }

    @Test(
        "A client certificate that the server refuses is reported with its alert",
        arguments: TLSHandshakeVerificationTests.versions)
    func refusedClientCertificate(version: Int32) throws {
        let authority = try CertificateAuthority()
        let server = try Self.mutualServer(authority, version: version)
        let clients: [(IssuedCertificate, String)] = [
            (try CertificateAuthority(commonName: "Other").issue(purpose: .client), "unknown_ca"),
            (try authority.issue(validity: .expired, purpose: .client), "certificate_expired"),
            (try authority.issue(purpose: .server), "unsupported_certificate"),
        ]
        for (client, alert) in clients {
            let outcome = try TLSLoopback(
                client: TLSClientConfiguration(
                    trustRoots: .pem(authority.certificatePEM), clientIdentity: client.identity), server: server
            ).connect()
            #expect(outcome.failure?.reason == .clientCertificateRefused, "\(outcome.message)")
            #expect(outcome.failure?.detail == alert)
            #expect(outcome.message.contains("with the alert \(alert)"))
        }
    }

    @Test("A server that only asks lets a client without a certificate in")
    func optionalClientCertificate() throws {
        let authority = try CertificateAuthority()
        let server = try Self.mutualServer(authority, version: TLS1_3_VERSION, optional: true)
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)), server: server
        ).connect()
        #expect(outcome.error == nil, "\(outcome.message)")
        #expect(outcome.clientCertificate == nil)
    }

    @Test("A client that has a certificate does not show it to a server that did not ask")
    func unaskedClientCertificate() throws {
        let authority = try CertificateAuthority()
        let server = try TLSServer(
            TLSServerConfiguration(identity: authority.issue(names: ["localhost"]).identity))
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(
                trustRoots: .pem(authority.certificatePEM),
                clientIdentity: authority.issue(purpose: .client).identity), server: server
        ).connect()
        #expect(outcome.error == nil, "\(outcome.message)")
        #expect(outcome.clientCertificate == nil)
    }

    // MARK: Versions and ciphers

    @Test("A peer that speaks only older versions is told from one that fails otherwise")
    func versions() throws {
        let authority = try CertificateAuthority()
        let identity = try authority.issue(names: ["localhost"]).identity
        let roots = TrustRoots.pem(authority.certificatePEM)
        func outcome(
            client: TLSProtocolVersion, server: (minimum: TLSProtocolVersion, maximum: TLSProtocolVersion?)
        ) throws -> TLSLoopback.Outcome {
            try TLSLoopback(
                client: TLSClientConfiguration(trustRoots: roots, minimumVersion: client),
                server: TLSServer(
                    TLSServerConfiguration(
                        identity: identity, minimumVersion: server.minimum, maximumVersion: server.maximum))
            ).connect()
        }
        let old = try outcome(client: .tls12, server: (.insecureTLS11, .insecureTLS11))
        #expect(old.failure?.reason == .protocolVersion, "\(old.message)")
        #expect(old.message.contains("no TLS version in common"))
        #expect(old.message.contains("offers TLS 1.2 to 1.3"))
        #expect(try outcome(client: .tls13, server: (.tls12, .tls12)).failure?.reason == .protocolVersion)
        #expect(
            try outcome(client: .insecureTLS11, server: (.insecureTLS11, .insecureTLS11)).info?.version
                == .insecureTLS11)
        #expect(
            try outcome(client: .insecureTLS10, server: (.insecureTLS10, .insecureTLS10)).info?.version
                == .insecureTLS10)
        #expect(try outcome(client: .tls12, server: (.tls12, .tls12)).info?.version == .tls12)
        #expect(try outcome(client: .tls12, server: (.tls12, nil)).info?.version == .tls13)
        #expect(try outcome(client: .tls13, server: (.tls12, nil)).info?.version == .tls13)
    }

    @Test("AES with 128 bits comes first, where neither the program nor openssl.cnf says otherwise")
    func preferredCipherSuite() throws {
        let authority = try CertificateAuthority()
        let server = TLSServerConfiguration(identity: try authority.issue(names: ["localhost"]).identity)
        func suite(_ suites: [String]?) throws -> String? {
            let client = TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM), cipherSuites: suites)
            return try TLSLoopback(client: client, server: TLSServer(server)).connect().info?.cipherSuite
        }
        #expect(try suite(nil) == "TLS_AES_128_GCM_SHA256")
        #expect(try suite(["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"]) == "TLS_AES_256_GCM_SHA384")
        // As openssl.cnf would have it.
        let context = try #require(SSL_CTX_new(TLS_method()))
        defer { SSL_CTX_free(context) }
        #expect(SSL_CTX_set_ciphersuites(context, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256") == 1)
        SSLContextSettings.preferAES128(on: context)
        let first = SSL_CIPHER_get_name(copenssl_sk_SSL_CIPHER_value(SSL_CTX_get_ciphers(context), 0))
        #expect(first.map { String(cString: $0) } == "TLS_CHACHA20_POLY1305_SHA256")
    }

    @Test("The only cipher suites offered are those of the configuration")
    func cipherSuites() throws {
        let authority = try CertificateAuthority()
        let identity = try authority.issue(names: ["localhost"]).identity
        func outcome(_ suites: [String], server: (OpaquePointer) -> Void = { _ in }) throws -> TLSLoopback.Outcome {
            try TLSLoopback(
                client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM), cipherSuites: suites),
                server: TLSServer(TLSServerConfiguration(identity: identity), adjust: server)
            ).connect()
        }
        let modern = try outcome(["TLS_CHACHA20_POLY1305_SHA256"])
        #expect(modern.info?.cipherSuite == "TLS_CHACHA20_POLY1305_SHA256", "\(modern.message)")
        let older = try outcome(["ECDHE-ECDSA-AES128-GCM-SHA256"])
        #expect(older.info?.version == .tls12)
        #expect(older.info?.cipherSuite == "ECDHE-ECDSA-AES128-GCM-SHA256")

        let none = try outcome(["TLS_AES_128_GCM_SHA256"]) { SSL_CTX_set_ciphersuites($0, "TLS_AES_256_GCM_SHA384") }
        #expect(none.failure?.reason == .alert)
        #expect(none.failure?.detail == "handshake_failure")
        #expect(none.message.contains("no cipher suite in common"))

        // A suite without authentication would make every check above pointless.
        let anonymous = try outcome(["ADH-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"]) {
            SSL_CTX_set_security_level($0, 0)
            SSL_CTX_set_cipher_list($0, "ADH-AES256-GCM-SHA384")
        }
        #expect(anonymous.failure?.reason == .alert)
        #expect(anonymous.failure?.detail == "handshake_failure")
    }

    // MARK: Peers that are no TLS servers

    @Test(
        "Bytes that are not TLS are recognised as such",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "SSH-2.0-OpenSSH_9.2p1\r\n",
            "220 mail.example.com ESMTP ready\r\n", "\0\0\0\0\0\0\0\0",
        ])
    func notTLS(answer: String) throws {
        let error = try TLSLoopback.connect(toPeerAnswering: Array(answer.utf8))
        #expect(error.code == .tlsFailed)
        #expect(error.tlsFailure?.reason == .notTLS, "\(error.message)")
        #expect(error.tlsFailure?.openSSLCode != 0)
        #expect(error.message.contains("localhost:443 does not speak TLS on this port"))
    }

    @Test("A peer that hangs up in the middle is a lost connection, not a TLS failure")
    func hangUp() throws {
        let error = try TLSLoopback.connect(toPeerAnswering: [])
        #expect(error.code == .connectionLost)
        #expect(error.stage == .tls)
        #expect(error.tlsFailure == nil)
        #expect(error.message.contains("localhost:443 closed the connection during the TLS handshake"))
    }

    @Test(
        "An alert as the answer to the ClientHello is reported by its name",
        arguments: [
            (UInt8(40), "handshake_failure", "cipher suite"), (112, "unrecognized_name", "no host of this name"),
            (80, "internal_error", "server's side"), (120, "no_application_protocol", "HTTP/1.1"),
            (49, "access_denied", "access_denied"), (77, "alert 77", "alert 77"),
        ])
    func alerts(code: UInt8, name: String, hint: String) throws {
        let error = try TLSLoopback.connect(toPeerAnswering: [21, 3, 3, 0, 2, 2, code])
        #expect(error.tlsFailure?.reason == .alert)
        #expect(error.tlsFailure?.detail == name)
        #expect(error.tlsFailure?.openSSLCode == Int(code))
        #expect(error.message.contains(hint), "\(error.message)")
    }

    @Test("The alerts about versions mean that there is none in common", arguments: [UInt8(70), 86])
    func versionAlerts(code: UInt8) throws {
        let error = try TLSLoopback.connect(toPeerAnswering: [21, 3, 1, 0, 2, 2, code])
        #expect(error.tlsFailure?.reason == .protocolVersion)
    }

    @Test("A certificate_required alert means what it says, whenever it comes")
    func certificateRequired() throws {
        let error = try TLSLoopback.connect(toPeerAnswering: [21, 3, 3, 0, 2, 2, 116])
        #expect(error.tlsFailure?.reason == .clientCertificateRequired)
    }

    @Test("TLS records that make no sense are a failure with OpenSSL's words")
    func garbageInTLS() throws {
        // A ServerHello of zeros.
        let error = try TLSLoopback.connect(toPeerAnswering: [22, 3, 3, 0, 8, 2, 0, 0, 4, 0, 0, 0, 0])
        #expect(error.tlsFailure?.reason == .other)
        let text = try #require(error.tlsFailure?.detail)
        #expect(!text.isEmpty)
        #expect(error.message.contains("The TLS connection to localhost:443 failed: \(text)."))
    }
}

import COpenSSL
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite struct TLSServerConfigurationTests {
    private static func complaint(about configuration: TLSServerConfiguration) throws -> String {
        let sslContext = try #require(SSL_CTX_new(TLS_server_method()))
        defer { SSL_CTX_free(sslContext) }
        let error = try #require(throws: WebSocketError.self) { try configuration.configure(sslContext) }
        #expect(error.code == .invalidConfiguration)
        return error.message
    }

    @Test("The whole chain is served, from memory and from files alike")
    func chain() throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.intermediate().intermediate().issue(names: ["localhost"])
        let directory = try TemporaryDirectory()
        let files = try leaf.write(to: directory.path, name: "server")
        let identities: [TLSIdentity] = [
            leaf.identity, .pemFiles(certificateChain: files.certificateChain, privateKey: files.privateKey),
            .pkcs12(try leaf.pkcs12(passphrase: "p"), passphrase: "p"),
            .pem(
                certificateChain: leaf.certificateChainPEM,
                privateKey: try leaf.encryptedPrivateKeyPEM(passphrase: "p"), passphrase: "p"),
        ]
        for identity in identities {
            let outcome = try TLSLoopback(
                client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
                server: TLSServer(TLSServerConfiguration(identity: identity))
            ).connect()
            #expect(outcome.error == nil, "\(identity): \(outcome.message)")
        }
    }

    @Test("What is wrong with a server's files is said with their names")
    func faults() throws {
        let authority = try CertificateAuthority()
        let (one, two) = (try authority.issue(), try authority.issue())
        #expect(
            try Self.complaint(
                about: TLSServerConfiguration(
                    identity: .pemFiles(certificateChain: "/nowhere/s.pem", privateKey: "/nowhere/s.key"))
            ).contains("/nowhere/s.pem cannot be read: No such file or directory"))
        #expect(
            try Self.complaint(
                about: TLSServerConfiguration(
                    identity: .pem(certificateChain: one.certificatePEM, privateKey: two.privateKeyPEM))
            ).contains("does not belong to the certificate"))
        #expect(
            try Self.complaint(
                about: TLSServerConfiguration(
                    identity: one.identity, clientCertificates: .required(.pemFile("/nowhere/ca.pem")))
            ).contains("/nowhere/ca.pem"))
    }

    @Test("The minimum version is enforced against older clients")
    func minimumVersion() throws {
        let authority = try CertificateAuthority()
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(
                trustRoots: .pem(authority.certificatePEM), cipherSuites: ["ECDHE-ECDSA-AES128-GCM-SHA256"]),
            server: TLSServer(
                TLSServerConfiguration(identity: authority.issue(names: ["localhost"]).identity, minimumVersion: .tls13)
            )
        ).connect()
        #expect(outcome.failure?.reason == .protocolVersion)
    }

    @Test("A server does not ask for certificates unless told so, and trusts no system root for them")
    func clientRoots() throws {
        let authority = try CertificateAuthority()
        let identity = try authority.issue(names: ["localhost"]).identity
        let server = try TLSServer(
            TLSServerConfiguration(identity: identity, clientCertificates: .required(.pem(authority.certificatePEM)))
        )
        #expect(SSL_CTX_get_verify_mode(server.sslContext) == SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT)
        #expect(OPENSSL_sk_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(server.sslContext))) == 1)
        let plain = try TLSServer(TLSServerConfiguration(identity: identity))
        #expect(SSL_CTX_get_verify_mode(plain.sslContext) == SSL_VERIFY_NONE)
    }
}

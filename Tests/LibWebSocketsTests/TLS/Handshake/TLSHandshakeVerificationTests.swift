import COpenSSL
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// A server certificate, good or bad, and what a client that trusts `authority` makes of it.
struct CertificateCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// `nil` when the handshake succeeds.
    let reason: String?
    let depth: Int?
    let code: Int32
    /// The words that the sentence must contain.
    let text: [String]
    let identity: @Sendable (CertificateAuthority) throws -> IssuedCertificate

    init(
        _ description: String, _ reason: String?, depth: Int? = 0, code: Int32 = X509_V_OK, text: [String] = [],
        identity: @escaping @Sendable (CertificateAuthority) throws -> IssuedCertificate
    ) {
        testDescription = description
        self.reason = reason
        self.depth = depth
        self.code = code
        self.text = text
        self.identity = identity
    }

    static let all: [CertificateCase] = [
        CertificateCase("a good one", nil) { try $0.issue(names: ["localhost"]) },
        CertificateCase("a good one below an intermediate", nil) {
            try $0.intermediate().issue(names: ["localhost"])
        },
        CertificateCase("an RSA key", nil) { try $0.issue(names: ["localhost"], key: .rsa(bits: 2_048)) },
        CertificateCase(
            "another authority", "untrustedRoot", code: X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            text: [
                "localhost:443", "authority that is not trusted: CN=Somebody else",
                "trustRoots: .system.adding(.pemFile(",
                "bytes in memory",
            ]
        ) { _ in try CertificateAuthority(commonName: "Somebody else").issue(names: ["localhost"]) },
        CertificateCase(
            "another authority of the same name", "untrustedRoot",
            code: X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            text: ["CN=Throw-away test CA", "An authority of that name is trusted, but its key is another one"]
        ) { _ in try CertificateAuthority().issue(names: ["localhost"]) },
        CertificateCase(
            "self-signed", "selfSigned", code: X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            text: ["signed by itself", "CN=localhost"]
        ) { _ in try CertificateAuthority.selfSigned(names: ["localhost"]) },
        CertificateCase(
            "expired", "expired", code: X509_V_ERR_CERT_HAS_EXPIRED,
            text: ["The certificate of localhost:443 expired on 20", "T", "Z", "check the clock"]
        ) { try $0.issue(names: ["localhost"], validity: .expired) },
        CertificateCase(
            "not valid yet", "notYetValid", code: X509_V_ERR_CERT_NOT_YET_VALID,
            text: ["is not valid before 20", "clock"]
        ) { try $0.issue(names: ["localhost"], validity: .notYetValid) },
        CertificateCase(
            "below an expired intermediate", "expired", depth: 1, code: X509_V_ERR_CERT_HAS_EXPIRED,
            text: ["A certificate authority in the chain of localhost:443 expired", "CN=Old"]
        ) { try $0.intermediate(commonName: "Old", validity: .expired).issue(names: ["localhost"]) },
        CertificateCase(
            "for another name", "hostnameMismatch", code: X509_V_ERR_HOSTNAME_MISMATCH,
            text: ["is not for localhost but for other.example", "serverName"]
        ) { try $0.issue(names: ["other.example"]) },
        CertificateCase(
            "a common name only", "hostnameMismatch", code: X509_V_ERR_HOSTNAME_MISMATCH,
            text: ["no subjectAltName", "RFC 9525", "CN=localhost"]
        ) { try $0.issue(commonName: "localhost") },
        CertificateCase(
            "a client's certificate", "invalidPurpose", code: X509_V_ERR_INVALID_PURPOSE,
            text: ["may not be used for a TLS server"]
        ) { try $0.issue(names: ["localhost"], purpose: .client) },
        CertificateCase(
            "below something that is no authority", "invalidAuthority", depth: 1, code: X509_V_ERR_INVALID_CA,
            text: ["may not issue others", "CN=No authority"]
        ) { try $0.intermediate(commonName: "No authority", mayIssue: false).issue(names: ["localhost"]) },
        CertificateCase(
            "below more authorities than the path length allows", "invalidAuthority", depth: 2,
            code: X509_V_ERR_PATH_LENGTH_EXCEEDED, text: ["path length", "CN=Zero"]
        ) { try $0.intermediate(commonName: "Zero", pathLength: 0).intermediate().issue(names: ["localhost"]) },
        CertificateCase(
            "a key of 1024 bits", "weakKey", code: X509_V_ERR_EE_KEY_TOO_SMALL, text: ["2048 bits"]
        ) { try $0.issue(names: ["localhost"], key: .rsa(bits: 1_024)) },
        CertificateCase(
            "an intermediate signed with SHA-1", "weakSignature", code: X509_V_ERR_CA_MD_TOO_WEAK, text: ["SHA-1"]
        ) { try $0.issue(names: ["localhost"], hash: .sha1) },
    ]
}

@Suite struct TLSHandshakeVerificationTests {
    /// Serves what a sane server would refuse to load.
    static func server(_ certificate: IssuedCertificate, adjust: (OpaquePointer) -> Void = { _ in }) throws -> TLSServer
    {
        var configuration = TLSServerConfiguration(identity: certificate.identity)
        configuration.securityLevel = 0
        return try TLSServer(configuration, adjust: adjust)
    }

    static let versions: [Int32] = [TLS1_2_VERSION, TLS1_3_VERSION]

    @Test("A server's certificate is accepted or refused for its own reason", arguments: CertificateCase.all, versions)
    func certificate(_ item: CertificateCase, version: Int32) throws {
        let authority = try CertificateAuthority()
        let server = try Self.server(item.identity(authority)) {
            copenssl_SSL_CTX_set_max_proto_version($0, version)
        }
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)), server: server
        ).connect()

        guard let reason = item.reason else {
            #expect(outcome.error == nil, "\(outcome.message)")
            #expect(outcome.info?.version.rawValue == Int(version))
            return
        }
        let failure = try #require(outcome.failure, "\(outcome.message)")
        #expect(failure.reason.rawValue == reason)
        #expect(failure.depth == item.depth)
        #expect(failure.openSSLCode == Int(item.code))
        #expect(failure.isVerificationFailure)
        #expect(failure.subject?.isEmpty == false)
        #expect(outcome.error?.code == .tlsFailed)
        #expect(outcome.error?.stage == .tls)
        #expect(outcome.info == nil)
        for text in item.text { #expect(outcome.message.contains(text), "\(outcome.message)") }
    }

    @Test("A missing intermediate is named, and the server is said to have to send it")
    func missingIntermediate() throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.intermediate(commonName: "Middle").issue(names: ["localhost"])
        let server = try TLSServer(
            TLSServerConfiguration(
                identity: .pem(certificateChain: leaf.certificatePEM, privateKey: leaf.privateKeyPEM)))
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)), server: server
        ).connect()
        #expect(outcome.failure?.reason == .untrustedRoot)
        #expect(outcome.failure?.issuer == "CN=Middle")
        #expect(outcome.message.contains("CN=Middle. If that is an intermediate authority, the server has to send"))
    }

    @Test("A root in the chain that is not trusted is named itself")
    func rootInChain() throws {
        let other = try CertificateAuthority(commonName: "Other root")
        let leaf = try other.issue(names: ["localhost"])
        let server = try TLSServer(
            TLSServerConfiguration(
                identity: .pem(
                    certificateChain: leaf.certificatePEM + other.certificatePEM, privateKey: leaf.privateKeyPEM)))
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(CertificateAuthority().certificatePEM)), server: server
        ).connect()
        #expect(outcome.failure?.reason == .untrustedRoot)
        #expect(outcome.failure?.openSSLCode == Int(X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN))
        #expect(outcome.failure?.depth == 1)
        #expect(outcome.message.contains("not trusted: CN=Other root"))
    }

    @Test(
        "A signature that the issuer did not make is refused, also when untrusted roots are accepted",
        arguments: [false, true])
    func forgedSignature(acceptsUntrusted: Bool) throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.issue(names: ["localhost"])
        let forged = try Self.flippingLastBit(ofPEM: leaf.certificatePEM)
        let server = try TLSServer(
            TLSServerConfiguration(
                identity: .pem(
                    certificateChain: forged + authority.certificatePEM, privateKey: leaf.privateKeyPEM)))
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(
                trustRoots: .pem(authority.certificatePEM), insecureAcceptsUntrustedRoots: acceptsUntrusted),
            server: server
        ).connect()
        #expect(outcome.failure?.reason == .invalidSignature)
        #expect(outcome.failure?.depth == 0)
        #expect(outcome.message.contains("a signature that its issuer did not make: CN=localhost"))
    }

    /// The last bit of a certificate in DER is the last of its signature.
    static func flippingLastBit(ofPEM pem: String) throws -> String {
        let certificates = try PEM.certificates(Array(pem.utf8), from: .bytes([]), for: "test")
        let certificate = try #require(copenssl_sk_X509_value(certificates.pointer, 0))
        var der = X509Reading.der(of: certificate)
        der[der.count - 1] ^= 1
        var base64 = [UInt8](repeating: 0, count: der.count * 2)
        let count = EVP_EncodeBlock(&base64, der, Int32(der.count))
        let text = String(decoding: base64.prefix(Int(count)), as: UTF8.self)
        return "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n"
    }

    @Test("An SSL that is bound to no handshake fails, whatever its certificate")
    func notAnnounced() throws {
        let authority = try CertificateAuthority()
        let loopback = try TLSLoopback(
            client: TLSClientConfiguration(
                trustRoots: .pem(authority.certificatePEM), insecureAcceptsUntrustedRoots: true),
            server: Self.server(authority.issue(names: ["localhost"])))
        #expect(try loopback.connect().error == nil)
        let outcome = try loopback.connect(bound: false)
        #expect(outcome.message == "The TLS handshake with localhost:443 never began.")
        #expect(outcome.info == nil)
    }

    @Test("A server that shows no certificate, with a cipher suite that needs none, is refused")
    func anonymous() throws {
        let authority = try CertificateAuthority()
        let anonymous: (OpaquePointer) -> Void = { sslContext in
            SSL_CTX_set_security_level(sslContext, 0)
            SSL_CTX_set_cipher_list(sslContext, "AECDH-AES256-SHA")
            copenssl_SSL_CTX_set_max_proto_version(sslContext, TLS1_2_VERSION)
        }
        let loopback = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
            server: Self.server(authority.issue(names: ["localhost"]), adjust: anonymous)
        )
        anonymous(loopback.context.sslContext)
        let outcome = try loopback.connect()
        #expect(outcome.failure?.reason == .other, "\(outcome.message)")
        #expect(outcome.failure?.detail == "the server showed no certificate")
        #expect(outcome.info == nil)
    }

    @Test("Success tells version, cipher suite and the server's certificate")
    func connectionInfo() throws {
        let authority = try CertificateAuthority(commonName: "The CA")
        let leaf = try authority.issue(names: ["localhost", "b.example"], ipAddresses: ["::1"], commonName: "The leaf")
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)), server: Self.server(leaf)
        ).connect()
        let info = try #require(outcome.info, "\(outcome.message)")
        #expect(info.version == .tls13)
        #expect(info.cipherSuite.hasPrefix("TLS_"))
        #expect(!info.isResumed)
        let certificate = try #require(info.peerCertificate)
        #expect(certificate.subject == "CN=The leaf")
        #expect(certificate.issuer == "CN=The CA")
        #expect(certificate.subjectAlternativeNames == ["localhost", "b.example", "::1"])
        #expect(certificate.sha256Fingerprint == leaf.sha256Fingerprint)
        #expect(certificate.publicKeyPin == leaf.spkiPin)
        #expect(outcome.alpn == "http/1.1")
        #expect(outcome.serverNameIndication == "localhost")
    }
}

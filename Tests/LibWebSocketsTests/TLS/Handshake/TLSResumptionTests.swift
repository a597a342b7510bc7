import COpenSSL
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite("Resumption of TLS sessions") struct TLSResumptionTests {
    private static func loopback(
        version: Int32,
        client: (CertificateAuthority) throws -> TLSClientConfiguration = {
            TLSClientConfiguration(trustRoots: .pem($0.certificatePEM))
        }, server: (TLSServerConfiguration, CertificateAuthority) -> TLSServerConfiguration = { server, _ in server }
    ) throws -> TLSLoopback {
        let authority = try CertificateAuthority()
        let configuration = TLSServerConfiguration(
            identity: try authority.issue(names: ["localhost", "other.example"]).identity)
        return try TLSLoopback(
            client: client(authority),
            server: TLSServer(server(configuration, authority)) { copenssl_SSL_CTX_set_max_proto_version($0, version) })
    }

    @Test("The second connection resumes the session of the first", arguments: TLSHandshakeVerificationTests.versions)
    func resumes(version: Int32) throws {
        let loopback = try Self.loopback(version: version)
        let first = try loopback.connect()
        #expect(first.info?.isResumed == false, "\(first.message)")
        // Each connection of TLS 1.3 uses a ticket up and gets new ones; one of TLS 1.2 may reuse its own.
        for _ in 0..<5 {
            let next = try loopback.connect()
            #expect(next.info?.isResumed == true, "\(next.message)")
            #expect(next.info?.peerCertificate == first.info?.peerCertificate)
        }
    }

    @Test("A session is for one name and one port")
    func key() throws {
        var loopback = try Self.loopback(version: TLS1_3_VERSION)
        #expect(try loopback.connect().info?.isResumed == false)
        loopback.port = 8_443
        #expect(try loopback.connect().info?.isResumed == false)
        loopback.port = 443
        loopback.host = "other.example"
        #expect(try loopback.connect().info?.isResumed == false)
        // The certificate of the resumed session would not be looked at.
        loopback.host = "third.example"
        let wrong = try loopback.connect()
        #expect(wrong.failure?.reason.rawValue == "hostnameMismatch")
        loopback.host = "LOCALHOST."
        #expect(try loopback.connect().info?.isResumed == true)
    }

    @Test(
        "Sessions with client certificates and with pins are resumed too",
        arguments: TLSHandshakeVerificationTests.versions)
    func withClientCertificate(version: Int32) throws {
        let loopback = try Self.loopback(version: version) { authority in
            TLSClientConfiguration(
                trustRoots: .pem(authority.certificatePEM),
                clientIdentity: try authority.issue(purpose: .client).identity)
        } server: { configuration, authority in
            var configuration = configuration
            configuration.clientCertificates = .required(.pem(authority.certificatePEM))
            return configuration
        }
        #expect(try loopback.connect().info?.isResumed == false)
        let second = try loopback.connect()
        #expect(second.info?.isResumed == true, "\(second.message)")
        #expect(second.clientCertificate?.subject == "CN=client")
    }

    @Test(
        "A session counts as the certificates that it keeps, which OpenSSL holds decoded, and not as its ticket alone")
    func sizeOfASession() throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.issue(names: ["localhost"])
        let loopback = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
            server: TLSServer(TLSServerConfiguration(identity: leaf.identity)))
        _ = try loopback.connect()
        let usage = loopback.context.sessions.usage
        let base64 = leaf.certificateChainPEM.split(separator: "\n").filter { !$0.hasPrefix("-") }
        let encoded = base64.reduce(0) { $0 + $1.count } * 3 / 4 - 2
        #expect(usage.count > 0)
        #expect(usage.size >= usage.count * (1_024 + 6 * encoded), "\(usage)")
    }

    @Test("A server that forgot the session gets a full handshake, verified again")
    func forgottenSession() throws {
        let authority = try CertificateAuthority()
        let configuration = TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM))
        let first = try TLSLoopback(
            client: configuration,
            server: TLSServer(TLSServerConfiguration(identity: authority.issue(names: ["localhost"]).identity)))
        #expect(try first.connect().info?.isResumed == false)
        let restarted = try TLSServer(
            TLSServerConfiguration(identity: authority.issue(names: ["localhost"]).identity))
        #expect(try first.connecting(to: restarted).connect().info?.isResumed == false)
        let impostor = try TLSServer(
            TLSServerConfiguration(identity: CertificateAuthority().issue(names: ["localhost"]).identity))
        #expect(try first.connecting(to: impostor).connect().failure?.reason == .untrustedRoot)
    }

    @Test("Sessions of one configuration are not used by another, though the two share a context")
    func perConfiguration() throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.issue(names: ["other.example"])
        let careless = TLSClientConfiguration(
            trustRoots: .pem(authority.certificatePEM), insecureAcceptsAnyHostname: true)
        var loopback = try TLSLoopback(
            client: careless, server: TLSServer(TLSServerConfiguration(identity: leaf.identity)))
        #expect(try loopback.connect().error == nil)
        #expect(try loopback.connect().info?.isResumed == true)
        loopback.configuration = TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM))
        #expect(try loopback.connect().failure?.reason.rawValue == "hostnameMismatch")
        loopback.configuration = careless
        loopback.configuration.pinnedKeys = [try SPKIPin(SPKIPinTests.empty)]
        #expect(try loopback.connect().failure?.reason == .pinMismatch)
        loopback.configuration.pinnedKeys = [leaf.spkiPin]
        #expect(try loopback.connect().info?.isResumed == false)
        #expect(try loopback.connect().info?.isResumed == true)
        // Sessions made with untrusted roots accepted, or with expired certificates, are not for others either.
        for weakness in [\TLSClientConfiguration.insecureAcceptsUntrustedRoots, \.insecureAcceptsExpiredCertificates] {
            loopback.configuration = careless
            loopback.configuration[keyPath: weakness] = true
            #expect(try loopback.connect().info?.isResumed == false)
        }
    }

    // MARK: Age

    /// A server whose tickets are good for a month and sealed with keys that another one has too.
    private static func longLivedServer(_ identity: TLSIdentity, version: Int32) throws -> TLSServer {
        try TLSServer(TLSServerConfiguration(identity: identity)) { sslContext in
            SSL_CTX_set_timeout(sslContext, 30 * 86_400)
            copenssl_SSL_CTX_set_max_proto_version(sslContext, version)
            var keys = [UInt8](repeating: 7, count: 80)
            SSL_CTX_ctrl(sslContext, SSL_CTRL_SET_TLSEXT_TICKET_KEYS, keys.count, &keys)
        }
    }

    @Test(
        "No session is taken up after the end of the server's certificate, or of any other in its chain",
        arguments: TLSHandshakeVerificationTests.versions, ["leaf", "intermediate", "root"])
    func expiry(version: Int32, shortest: String) throws {
        func validity(_ name: String) -> CertificateValidity {
            CertificateValidity(from: .seconds(-3_600), to: .seconds(name == shortest ? 7_200 : 86_400))
        }
        let authority = try CertificateAuthority(validity: validity("root"))
        let leaf = try authority.intermediate(validity: validity("intermediate"))
            .issue(names: ["localhost"], validity: validity("leaf"))
        let time = TestTime()
        let loopback = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
            server: Self.longLivedServer(leaf.identity, version: version), now: time.now)
        #expect(try loopback.connect().info?.isResumed == false)
        time.set(7_000)
        #expect(try loopback.connect().info?.isResumed == true)
        time.set(7_300)
        #expect(try loopback.connect().info?.isResumed == false)
    }

    @Test(
        "A certificate is verified anew after a day, however often its session was taken up since",
        arguments: TLSHandshakeVerificationTests.versions)
    func day(version: Int32) throws {
        let authority = try CertificateAuthority()
        let time = TestTime()
        let loopback = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
            server: Self.longLivedServer(authority.issue(names: ["localhost"]).identity, version: version),
            now: time.now)
        #expect(try loopback.connect().info?.isResumed == false)
        for hours: Int64 in [1, 12, 23] {
            time.set(hours * 3_600)
            #expect(try loopback.connect().info?.isResumed == true)
        }
        time.set(86_400 + 60)
        // A server with a certificate of another authority and the same ticket keys would be believed.
        let foreign = try Self.longLivedServer(
            CertificateAuthority().issue(names: ["localhost"]).identity, version: version)
        #expect(try loopback.connecting(to: foreign).connect().failure?.reason == .untrustedRoot)
        #expect(try loopback.connect().info?.isResumed == false)
        #expect(try loopback.connect().info?.isResumed == true)
    }

    @Test("The configuration says how old a session may be, up to seven days")
    func configuredAge() throws {
        let authority = try CertificateAuthority()
        let time = TestTime()
        var loopback = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM), maximumSessionAge: .zero),
            server: Self.longLivedServer(authority.issue(names: ["localhost"]).identity, version: TLS1_3_VERSION),
            now: time.now)
        #expect(try loopback.connect().info?.isResumed == false)
        #expect(try loopback.connect().info?.isResumed == false)
        let day: Int64 = 86_400
        loopback.configuration.maximumSessionAge = .seconds(7 * day)
        time.set(7 * day - 60)
        #expect(try loopback.connect().info?.isResumed == true)
        time.set(7 * day + 60)
        #expect(try loopback.connect().info?.isResumed == false)
        for wrong in [Duration.seconds(7 * day + 1), .seconds(-1)] {
            loopback.configuration.maximumSessionAge = wrong
            let error = try #require(throws: WebSocketError.self) { try loopback.configuration.validate() }
            #expect(error.message.contains("from 0 to seven days"))
        }
        // A value that gets past that check somehow.
        loopback.configuration.maximumSessionAge = .seconds(30 * day)
        time.set(14 * day + 120)
        #expect(try loopback.connect().info?.isResumed == false)
    }
}

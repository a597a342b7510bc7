import COpenSSL
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite struct TLSResumptionTests {
    private static func loopback(
        version: Int32,
        client: (CertificateAuthority) throws -> TLSConfiguration = {
            TLSConfiguration(trustRoots: .memory($0.certificatePEM))
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
        #expect(wrong.failure?.reason.name == "hostnameMismatch")
        loopback.host = "LOCALHOST."
        #expect(try loopback.connect().info?.isResumed == true)
    }

    @Test(
        "Sessions with client certificates and with pins are resumed too",
        arguments: TLSHandshakeVerificationTests.versions)
    func withClientCertificate(version: Int32) throws {
        let loopback = try Self.loopback(version: version) { authority in
            TLSConfiguration(
                trustRoots: .memory(authority.certificatePEM),
                clientIdentity: try authority.issue(purpose: .client).identity)
        } server: { configuration, authority in
            var configuration = configuration
            configuration.clientCertificates = .required(.memory(authority.certificatePEM))
            return configuration
        }
        #expect(try loopback.connect().info?.isResumed == false)
        let second = try loopback.connect()
        #expect(second.info?.isResumed == true, "\(second.message)")
        #expect(second.clientCertificate?.subject == "CN=client")
    }

    @Test("A server that forgot the session gets a full handshake, verified again")
    func forgottenSession() throws {
        let authority = try CertificateAuthority()
        let configuration = TLSConfiguration(trustRoots: .memory(authority.certificatePEM))
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

    @Test("Sessions of one configuration are not used by another")
    func perConfiguration() throws {
        let authority = try CertificateAuthority()
        let server = try TLSServer(TLSServerConfiguration(identity: authority.issue(names: ["other.example"]).identity))
        let careless = TLSConfiguration(trustRoots: .memory(authority.certificatePEM), insecureAcceptsAnyHostname: true)
        let loopback = try TLSLoopback(client: careless, server: server)
        #expect(try loopback.connect().error == nil)
        #expect(try loopback.connect().info?.isResumed == true)
        let careful = try TLSLoopback(
            client: TLSConfiguration(trustRoots: .memory(authority.certificatePEM)), server: server)
        #expect(try careful.connect().failure?.reason.name == "hostnameMismatch")
    }
}

@Suite struct TLSSessionStoreTests {
    private static func key(_ name: String) throws -> TLSSessionStore.Key {
        TLSSessionStore.Key(name: try TLSPeerName(name), port: 443)
    }

    /// A session as it would come from a handshake.
    private static func session(version: Int32, lifetime: Int = 300) throws -> TLSSessionStore.Session {
        let session = try #require(SSL_SESSION_new())
        SSL_SESSION_set_protocol_version(session, version)
        SSL_SESSION_set_time(session, 1_000)
        SSL_SESSION_set_timeout(session, lifetime)
        // Resumable means having an id or a ticket.
        SSL_SESSION_set1_id(session, [1, 2, 3], 3)
        return TLSSessionStore.Session(session)
    }

    @Test("A session of TLS 1.3 is given out once, one of TLS 1.2 again and again")
    func singleUse() throws {
        let store = TLSSessionStore()
        store.insert(try Self.session(version: TLS1_3_VERSION), for: try Self.key("a"))
        #expect(store.take(for: try Self.key("a"), now: 1_001) != nil)
        #expect(store.take(for: try Self.key("a"), now: 1_001) == nil)
        store.insert(try Self.session(version: TLS1_2_VERSION), for: try Self.key("b"))
        #expect(store.take(for: try Self.key("b"), now: 1_001) != nil)
        #expect(store.take(for: try Self.key("b"), now: 1_001) != nil)
        #expect(store.take(for: try Self.key("c"), now: 1_001) == nil)
    }

    @Test("The newest session goes first, and the oldest are dropped")
    func order() throws {
        let store = TLSSessionStore()
        let sessions = try (0..<6).map { _ in try Self.session(version: TLS1_3_VERSION) }
        for session in sessions { store.insert(session, for: try Self.key("a")) }
        var taken: [TLSSessionStore.Session] = []
        while let session = store.take(for: try Self.key("a"), now: 1_001) { taken.append(session) }
        #expect(taken.map(ObjectIdentifier.init) == sessions.suffix(4).reversed().map(ObjectIdentifier.init))
    }

    @Test("A session that has timed out is not offered")
    func timeout() throws {
        let store = TLSSessionStore()
        store.insert(try Self.session(version: TLS1_2_VERSION, lifetime: 10), for: try Self.key("a"))
        #expect(store.take(for: try Self.key("a"), now: 1_009) != nil)
        #expect(store.take(for: try Self.key("a"), now: 1_010) == nil)
        #expect(store.take(for: try Self.key("a"), now: 1_009) == nil)
    }

    @Test("Sessions are kept for a bounded number of servers")
    func bounded() throws {
        let store = TLSSessionStore()
        for index in 0...TLSSessionStore.maximumServers {
            store.insert(try Self.session(version: TLS1_3_VERSION), for: try Self.key("host\(index)"))
        }
        #expect(store.take(for: try Self.key("host0"), now: 1_001) == nil)
        #expect(store.take(for: try Self.key("host1"), now: 1_001) != nil)
        #expect(store.take(for: try Self.key("host\(TLSSessionStore.maximumServers)"), now: 1_001) != nil)
    }

    @Test("Sessions of a server can be forgotten")
    func removeAll() throws {
        let store = TLSSessionStore()
        store.insert(try Self.session(version: TLS1_2_VERSION), for: try Self.key("a"))
        store.removeAll(for: try Self.key("a"))
        #expect(store.take(for: try Self.key("a"), now: 1_001) == nil)
    }
}

import LibWebSockets
import Testing
import WebSocketTesting

@Suite("Certificates with Python's ssl", .needsEchoServer, .timeLimit(.minutes(10)))
struct CertificateTests {
    /// A fault of a server's certificate.
    enum Fault: String, CaseIterable {
        case expired, notYetValid, otherName, otherAuthority, selfSigned, clientPurpose

        func certificate(_ authority: CertificateAuthority) throws -> IssuedCertificate {
            switch self {
            case .expired: try authority.issue(names: ["localhost"], validity: .expired)
            case .notYetValid: try authority.issue(names: ["localhost"], validity: .notYetValid)
            case .otherName: try authority.issue(names: ["example.com", "*.localhost"])
            case .otherAuthority: try CertificateAuthority(commonName: "Somebody else").issue(names: ["localhost"])
            case .selfSigned: try CertificateAuthority.selfSigned(names: ["localhost"])
            case .clientPurpose: try authority.issue(names: ["localhost"], purpose: .client)
            }
        }

        var reason: TLSFailure.Reason {
            switch self {
            case .expired: .expired
            case .notYetValid: .notYetValid
            case .otherName: .hostnameMismatch
            case .otherAuthority: .untrustedRoot
            case .selfSigned: .selfSigned
            case .clientPurpose: .invalidPurpose
            }
        }
    }

    @Test("A bad certificate is refused, and the error says what is wrong with it", arguments: Fault.allCases)
    func badServerCertificate(fault: Fault) async throws {
        let authority = try CertificateAuthority()
        let options = EchoServerOptions(certificate: try fault.certificate(authority))
        let tls = TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM))
        try await withEchoServer(options) { server in
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(
                    to: server.url(scheme: "wss"), configuration: WebSocketConfiguration(tls: tls))
            }
            #expect(error?.code == .tlsFailed)
            #expect(error?.stage == .tls)
            #expect(error?.tlsFailure?.reason == fault.reason)
            #expect(error?.tlsFailure?.isVerificationFailure == true)
            #expect(error?.tlsFailure?.depth == 0)
        }
    }

    @Test("By its address a server is verified by the addresses in its certificate")
    func address() async throws {
        let authority = try CertificateAuthority()
        let certificate = try authority.issue(names: ["localhost"], ipAddresses: ["127.0.0.2"])
        let configuration = WebSocketConfiguration(
            tls: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)))
        try await withEchoServer(EchoServerOptions(certificate: certificate)) { server in
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(
                    to: server.url(scheme: "wss", host: "127.0.0.1"), configuration: configuration)
            }
            #expect(error?.tlsFailure?.reason == .hostnameMismatch)
            #expect(error?.tlsFailure?.expectedName == "127.0.0.1")
            #expect(error?.tlsFailure?.presentedNames == ["localhost", "127.0.0.2"])
        }
    }

    /// The certificate that a client shows a server that demands one.
    enum Shown: CaseIterable {
        case right, nothing, ofAnotherAuthority, expired

        func identity(_ authority: CertificateAuthority) throws -> TLSIdentity? {
            switch self {
            case .right: try authority.issue(commonName: "client", purpose: .client).identity
            case .nothing: nil
            case .ofAnotherAuthority:
                try CertificateAuthority().issue(commonName: "client", purpose: .client).identity
            case .expired:
                try authority.issue(commonName: "client", validity: .expired, purpose: .client).identity
            }
        }

        var reason: TLSFailure.Reason? {
            switch self {
            case .right: nil
            case .nothing: .clientCertificateRequired
            case .ofAnotherAuthority, .expired: .clientCertificateRefused
            }
        }

        var alert: String? {
            switch self {
            case .right, .nothing: nil
            case .ofAnotherAuthority: "unknown_ca"
            case .expired: "certificate_expired"
            }
        }
    }

    @Test(
        "A server that demands a client certificate gets one it trusts, or says why not",
        arguments: [TLSProtocolVersion.tls12, .tls13], Shown.allCases)
    func clientCertificate(version: TLSProtocolVersion, shown: Shown) async throws {
        let fixture = try TLSFixture()
        var options = fixture.echoOptions
        options.clientAuthority = fixture.authority
        options.tlsVersion = version
        options.usesThreads = true
        var tls = fixture.client
        tls.clientIdentity = try shown.identity(fixture.authority)
        let configuration = WebSocketConfiguration(tls: tls)
        try await withEchoServer(options) { server in
            let url = server.url(scheme: "wss")
            guard let reason = shown.reason else {
                let socket = try await WebSocket.connect(to: url, configuration: configuration)
                #expect(socket.tls?.version == version)
                try await socket.send("hello")
                #expect(try await socket.nextText() == "hello")
                await socket.close()
                return
            }
            // In TLS 1.3 the server refuses after the client's handshake has ended: still before the upgrade.
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(to: url, configuration: configuration)
            }
            #expect(error?.code == .tlsFailed)
            #expect(error?.tlsFailure?.reason == reason)
            #expect(error?.tlsFailure?.detail == shown.alert)
        }
    }

    @Test(
        "A server that refuses without an alert, as asyncio does, may have wanted a client certificate",
        arguments: [TLSProtocolVersion.tls12, .tls13], [Shown.nothing, .ofAnotherAuthority])
    func refusalWithoutAlert(version: TLSProtocolVersion, shown: Shown) async throws {
        let fixture = try TLSFixture()
        var options = fixture.echoOptions
        options.clientAuthority = fixture.authority
        options.tlsVersion = version
        var tls = fixture.client
        tls.clientIdentity = try shown.identity(fixture.authority)
        try await withEchoServer(options) { server in
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(
                    to: server.url(scheme: "wss"), configuration: WebSocketConfiguration(tls: tls))
            }
            #expect(error?.code == .connectionLost)
            #expect(error?.message.contains("had asked for a client certificate") == true)
        }
    }

    @Test("A server with an older TLS than the client accepts is refused")
    func version() async throws {
        let fixture = try TLSFixture()
        var options = fixture.echoOptions
        options.tlsVersion = .tls12
        options.usesThreads = true
        var tls = fixture.client
        tls.minimumVersion = .tls13
        try await withEchoServer(options) { server in
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(
                    to: server.url(scheme: "wss"), configuration: WebSocketConfiguration(tls: tls))
            }
            #expect(error?.tlsFailure?.reason == .protocolVersion)
        }
    }
}

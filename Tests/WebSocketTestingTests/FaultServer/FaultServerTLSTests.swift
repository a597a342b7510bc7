import Testing
import WebSocketTesting

@Suite(.timeLimit(.minutes(10))) struct FaultServerTLSTests {
    private let authority: CertificateAuthority
    private let certificate: IssuedCertificate

    init() throws {
        authority = try CertificateAuthority()
        certificate = try authority.issue(names: ["localhost"])
    }

    private func tls(
        _ minimum: FaultServer.TLS.Version = .tls12,
        _ maximum: FaultServer.TLS.Version = .tls13
    ) -> FaultServer.TLS {
        FaultServer.TLS(certificate, minimumVersion: minimum, maximumVersion: maximum)
    }

    @Test(
        "The server speaks exactly the version it is told to, the old ones included",
        arguments: [
            (FaultServer.TLS.Version.tls10, "TLSv1"), (.tls11, "TLSv1.1"), (.tls12, "TLSv1.2"), (.tls13, "TLSv1.3"),
        ])
    func versions(version: FaultServer.TLS.Version, name: String) async throws {
        try await FaultServer.withServer([.upgrade(), .readClose], tls: tls(version, version)) { server in
            let client = try RawClient(server)
            try client.startTLS(from: .tls10, to: .tls13, ciphers: "DEFAULT:@SECLEVEL=0")
            #expect(client.tlsVersion == name)
            try client.upgrade()
            try client.write(FaultServer.Frame.close(1000).bytes)
            #expect(try client.receiveUntilEnd().isEmpty)
            #expect(client.receivedCloseNotify)
            client.disconnect()
            let transcript = try await server.transcript()
            #expect(transcript.closeCode == 1000)
            #expect(transcript.end == .finished)
            #expect(server.url().hasPrefix("wss://127.0.0.1:"))
        }
    }

    @Test("Both sides are told that no version fits")
    func noCommonVersion() async throws {
        try await FaultServer.withServer([.upgrade()], tls: tls(.tls11, .tls11)) { server in
            let client = try RawClient(server)
            let failure = #expect(throws: RawClient.Failure.self) { try client.startTLS(from: .tls12, to: .tls13) }
            #expect(failure?.description.contains("version") == true)
            client.disconnect()
            guard case .tlsFailed(step: 0, let message) = try await server.transcript().end else {
                Issue.record("the handshake succeeded")
                return
            }
            #expect(message.contains("unsupported protocol"))
        }
    }

    @Test("A server with a client authority demands a client certificate")
    func clientCertificate() async throws {
        let tls = FaultServer.TLS(certificate, maximumVersion: .tls12, clientAuthority: authority)
        try await FaultServer.withServer([.upgrade()], tls: tls) { server in
            let client = try RawClient(server)
            #expect(throws: RawClient.Failure.self) { try client.startTLS() }
            client.disconnect()
            guard case .tlsFailed(step: 0, let message) = try await server.transcript().end else {
                Issue.record("the handshake succeeded")
                return
            }
            #expect(message.contains("peer did not return a certificate"))
        }
    }

    @Test("The server ends the stream without close_notify when told to")
    func truncation() async throws {
        try await FaultServer.withServer([.write([1]), .shutDownWriting, .readUntilEnd], tls: tls()) { server in
            let client = try RawClient(server)
            try client.startTLS()
            #expect(try client.receive(1) == [1])
            let failure = #expect(throws: RawClient.Failure.self) { try client.receiveSome() }
            #expect(failure?.description.contains("unexpected eof") == true)
            #expect(!client.receivedCloseNotify)
        }
    }

    @Test("The stream carries large writes and what the client sends meanwhile")
    func bothDirections() async throws {
        let size = 4 << 20
        let script: [FaultServer.Step] = [.flood([1, 2, 3, 4], count: size / 4), .read(1000)]
        try await FaultServer.withServer(script, tls: tls()) { server in
            let client = try RawClient(server)
            try client.startTLS()
            try client.write(Array(repeating: 5, count: 1000))
            #expect(try client.receive(size).count == size)
            client.disconnect()
            #expect(try await server.transcript().received.count == 1000)
        }
    }

    @Test("A server is stopped in the middle of a handshake")
    func stalledHandshake() async throws {
        try await FaultServer.withServer([.upgrade()], tls: tls()) { server in
            let client = try RawClient(server)
            try client.write([0x16, 0x03])
            try await server.waitForConnection()
            server.stop()
            client.disconnect()
            #expect(try await server.transcript().end == .stopped(step: 0))
        }
    }

    @Test("PEM that holds nothing is refused", arguments: [("", "key"), ("certificate", "")])
    func unusablePEM(missing: (certificate: String, key: String)) {
        let tls = FaultServer.TLS(
            certificateChain: missing.certificate.isEmpty ? "" : certificate.certificatePEM,
            privateKey: missing.key.isEmpty ? "" : certificate.privateKeyPEM)
        #expect(throws: FaultServerError.self) { try FaultServer(tls: tls, scripts: [[.stall]]) }
    }
}

import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Servers whose TLS is not acceptable, each through the whole of a connection: the check that failed and its text reach
/// the program, and nothing stays behind. The checks themselves have their tables beside `TLSHandshake`.
@Suite("Servers whose TLS is not acceptable", .hangs) struct CertificateFaultTests {
    /// Makes an attempt that fails in TLS, and checks that its socket is gone and that no request was sent.
    private func failure(
        server tls: FaultServer.TLS, client: TLSClientConfiguration, requestIsSent: Bool = false
    ) async throws -> (error: WebSocketError, failure: TLSFailure, port: UInt16) {
        let server = try FaultServer(tls: tls, scripts: [[.readRequest]])
        defer { server.stop() }
        let loop = SocketLoop.forTest()
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(
                to: server.url(host: "localhost"),
                configuration: WebSocketConfiguration(tls: client, connectTimeout: .seconds(86_400)), on: loop)
        }
        try await eventually("the failed attempt keeps its socket") {
            OpenSockets.connected(to: Int(server.port)) == 0
        }
        if !requestIsSent {
            let transcript = try await server.transcript()
            #expect(
                transcript.requestHead == nil && transcript.received.isEmpty,
                "something was sent to a server that was not verified")
        }
        await loop.shutDown()
        #expect(error.code == .tlsFailed, "\(error.message)")
        #expect(error.stage == .tls)
        return (error, try #require(error.tlsFailure), server.port)
    }

    @Test(
        "A server with a bad certificate is refused for its own reason before anything is sent to it",
        arguments: CertificateCase.all.filter { $0.reason != nil })
    func certificate(item: CertificateCase) async throws {
        let authority = try CertificateAuthority()
        // The oldest version makes the server load keys and signatures that are too weak.
        let tls = FaultServer.TLS(try item.identity(authority), minimumVersion: .tls10)
        let (error, failure, port) = try await failure(
            server: tls, client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)))
        #expect(failure.reason.rawValue == item.reason)
        #expect(failure.isVerificationFailure)
        for text in item.text {
            let expected = text.replacing("localhost:443", with: "localhost:\(port)")
            #expect(error.message.contains(expected), "\(error.message)")
        }
    }

    @Test("A chain without a pinned key is refused with the keys it has")
    func pins() async throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.issue(names: ["localhost"])
        let other = try authority.issue(names: ["localhost"]).spkiPin
        let (error, failure, port) = try await failure(
            server: FaultServer.TLS(leaf),
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM), pinnedKeys: [other]))
        #expect(failure.reason == .pinMismatch)
        #expect(
            error.message.hasPrefix(
                "No key in the certificate chain of localhost:\(port) is pinned. Its chain has \(leaf.spkiPin)"))
        #expect(error.message.contains("pinned are \(other)"))
    }

    @Test("A server that speaks TLS 1.1 at most is told apart from one that fails otherwise")
    func oldVersion() async throws {
        let authority = try CertificateAuthority()
        let tls = FaultServer.TLS(
            try authority.issue(names: ["localhost"]), minimumVersion: .tls10, maximumVersion: .tls11)
        let (error, failure, port) = try await failure(
            server: tls, client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)))
        #expect(failure.reason == .protocolVersion)
        #expect(!failure.isVerificationFailure)
        #expect(
            error.message
                == "localhost:\(port) and this client have no TLS version in common: the client offers TLS 1.2 to 1.3 "
                + "(TLSClientConfiguration.minimumVersion).")
    }

    @Test(
        "A server that wants a client certificate says so, in TLS 1.3 only after the client's handshake is complete",
        arguments: [FaultServer.TLS.Version.tls12, .tls13])
    func missingClientCertificate(version: FaultServer.TLS.Version) async throws {
        let authority = try CertificateAuthority()
        let tls = FaultServer.TLS(
            try authority.issue(names: ["localhost"]), maximumVersion: version, clientAuthority: authority)
        let (error, failure, port) = try await failure(
            server: tls, client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
            requestIsSent: true)
        #expect(failure.reason == .clientCertificateRequired)
        #expect(
            error.message.hasPrefix(
                "localhost:\(port) demands a client certificate and none is configured. Give one with "))
    }

    @Test(
        "A client certificate that the server does not accept is named, with the server's alert",
        arguments: [FaultServer.TLS.Version.tls12, .tls13])
    func refusedClientCertificate(version: FaultServer.TLS.Version) async throws {
        let authority = try CertificateAuthority()
        let stranger = try CertificateAuthority(commonName: "Other").issue(purpose: .client)
        let tls = FaultServer.TLS(
            try authority.issue(names: ["localhost"]), maximumVersion: version, clientAuthority: authority)
        let (error, failure, port) = try await failure(
            server: tls,
            client: TLSClientConfiguration(
                trustRoots: .pem(authority.certificatePEM), clientIdentity: stranger.identity),
            requestIsSent: true)
        #expect(failure.reason == .clientCertificateRefused)
        #expect(failure.detail == "unknown_ca")
        #expect(error.message.hasPrefix("localhost:\(port) refused the client certificate ("))
        #expect(error.message.contains("with the alert unknown_ca. Check that it has not expired"))
    }
}

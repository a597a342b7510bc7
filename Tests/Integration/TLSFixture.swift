import Logging
import LibWebSockets
import WebSocketService
import WebSocketTesting

/// A throw-away authority and the certificate of a server at `localhost`, with a client that trusts it.
struct TLSFixture: Sendable {
    let authority: CertificateAuthority
    let certificate: IssuedCertificate

    init() throws {
        authority = try CertificateAuthority()
        certificate = try authority.issue(names: ["localhost"], ipAddresses: ["127.0.0.1"])
    }

    var client: TLSClientConfiguration { TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)) }

    /// Options of an echo server that speaks wss with this certificate.
    var echoOptions: EchoServerOptions { EchoServerOptions(certificate: certificate) }
}

/// Runs `body` with an echo server over wss, and the configuration of a client that trusts it.
func withSecureEchoServer<Result>(
    _ change: (inout EchoServerOptions) -> Void = { _ in },
    _ body: (ExternalServer, WebSocketConfiguration) async throws -> Result
) async throws -> Result {
    let fixture = try TLSFixture()
    var options = fixture.echoOptions
    change(&options)
    return try await withEchoServer(options) { server in
        try await body(server, WebSocketConfiguration(tls: fixture.client))
    }
}

extension WebSocket {
    /// The next message's text; `nil` at the end, and for a binary one.
    func nextText() async throws -> String? {
        for try await message in messages { return message.text }
        return nil
    }
}

extension SocketService.Options {
    /// Without log lines about what a test does to its server.
    static var quiet: Self {
        var options = Self()
        options.logger.logLevel = .critical
        return options
    }
}

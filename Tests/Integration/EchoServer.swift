import Foundation
import LibWebSockets
import WebSocketTesting

extension IssuedCertificate {
    /// Writes chain and key to files and gives the arguments that name them.
    func arguments(in directory: URL) throws -> [String] {
        let files = try write(to: directory.path, name: "server")
        return ["--certificate", files.certificateChain, "--key", files.privateKey]
    }
}

/// The behavior of the Python `websockets` server besides echoing; `Servers/echo.py --help` says more.
struct EchoServerOptions: Sendable {
    /// The way in which the server ends each connection after the pushed messages, instead of echoing.
    struct Closing: Sendable {
        var code: UInt16
        var reason = ""
    }

    /// The refusal of each opening handshake.
    struct Refusal: Sendable {
        var status: Int
        var retryAfter: String?
    }

    /// `nil` for plain `ws:`.
    var certificate: IssuedCertificate?
    /// Demand a client certificate from this authority.
    var clientAuthority: CertificateAuthority?
    /// Speak no other version of TLS: 1.2 or 1.3.
    var tlsVersion: TLSProtocolVersion?
    /// Serve from threads, which unlike asyncio sends an alert when a TLS handshake fails. Only echoes.
    var usesThreads = false
    /// Listen on ``ExternalServer/unixSocketPath`` instead of a port.
    var isOnUnixSocket = false
    var compression = true
    /// The largest message the server accepts, in bytes.
    var maximumMessageSize = 64 << 20
    var subprotocols: [String] = []
    /// Waited before each echo.
    var delay = Duration.zero
    /// Send echoes in fragments of so many bytes, or characters of text.
    var fragmentSize: Int?
    /// So many text messages, numbered from 0, at the start of each connection.
    var pushedMessages = 0
    var closing: Closing?
    var pingInterval: Duration?
    var refusal: Refusal?

    fileprivate func arguments(in directory: URL) throws -> [String] {
        var arguments = try certificate?.arguments(in: directory) ?? []
        if let clientAuthority { arguments += ["--client-ca", try clientAuthority.write(to: directory.path)] }
        if let tlsVersion { arguments += ["--tls-version", tlsVersion == .tls12 ? "TLSv1_2" : "TLSv1_3"] }
        if usesThreads { arguments.append("--threads") }
        if isOnUnixSocket { arguments += ["--unix", ExternalServer.unixSocketPath(in: directory)] }
        if !compression { arguments.append("--no-compression") }
        arguments += ["--max-size", String(maximumMessageSize)]
        for subprotocol in subprotocols { arguments += ["--subprotocol", subprotocol] }
        arguments += ["--delay", String(delay / .seconds(1)), "--push", String(pushedMessages)]
        if let fragmentSize { arguments += ["--fragment", String(fragmentSize)] }
        if let closing { arguments += ["--close-code", String(closing.code), "--close-reason", closing.reason] }
        if let pingInterval { arguments += ["--ping-interval", String(pingInterval / .seconds(1))] }
        if let refusal { arguments += ["--status", String(refusal.status)] }
        if let retryAfter = refusal?.retryAfter { arguments += ["--retry-after", retryAfter] }
        return arguments
    }
}

/// Runs `body` with a server made of Python's `websockets`, which echoes what it receives.
func withEchoServer<Result>(
    _ options: EchoServerOptions = EchoServerOptions(),
    _ body: (ExternalServer) async throws -> Result
) async throws -> Result {
    try await ExternalServer.with(script: "echo.py", arguments: options.arguments(in:), body: body)
}

import Foundation

/// A certificate chain and its key, for a server to present.
struct PEMIdentity: Sendable {
    var certificateChain: String
    var privateKey: String

    /// Writes both to files and gives the arguments that name them.
    fileprivate func arguments(in directory: URL) throws -> [String] {
        let certificate = directory.appending(path: "certificate.pem")
        let key = directory.appending(path: "key.pem")
        try certificateChain.write(to: certificate, atomically: true, encoding: .utf8)
        try privateKey.write(to: key, atomically: true, encoding: .utf8)
        return ["--certificate", certificate.path, "--key", key.path]
    }
}

/// What the Python `websockets` server does besides echoing; `Servers/echo.py --help` says more.
struct EchoServerOptions: Sendable {
    /// How the server ends each connection after the pushed messages, instead of echoing.
    struct Closing: Sendable {
        var code: UInt16
        var reason = ""
    }

    /// How the server refuses each opening handshake.
    struct Refusal: Sendable {
        var status: Int
        var retryAfter: String?
    }

    /// `nil` for plain `ws:`.
    var identity: PEMIdentity?
    /// PEM: demand a client certificate from one of these authorities.
    var clientAuthorities: String?
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
        var arguments = try identity?.arguments(in: directory) ?? []
        if let clientAuthorities {
            let file = directory.appending(path: "client-ca.pem")
            try clientAuthorities.write(to: file, atomically: true, encoding: .utf8)
            arguments += ["--client-ca", file.path]
        }
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

/// Runs `body` with an nginx that terminates TLS for another server.
///
/// - Parameter readTimeout: In whole seconds: nginx closes a connection on which the upstream is silent for so long.
func withNginx<Result>(
    identity: PEMIdentity,
    upstream: ExternalServer,
    readTimeout: Duration = .seconds(60),
    _ body: (ExternalServer) async throws -> Result
) async throws -> Result {
    try await ExternalServer.with(
        script: "nginx.py",
        arguments: { directory in
            try identity.arguments(in: directory) + [
                "--prefix", directory.path, "--upstream", String(upstream.port),
                "--read-timeout", String(readTimeout.components.seconds),
            ]
        },
        body: body
    )
}

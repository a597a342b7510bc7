import ArgumentParser
import Logging
import WebSocketService

/// `lwscat URL` and `lwscat --listen PORT`.
struct Connect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lwscat",
        abstract: "Connect to a WebSocket server, or be one.",
        usage: """
            lwscat [options] <url>
            lwscat [options] --listen <[host:]port>
            lwscat tls [options] <url>
            """,
        discussion: """
            Sends each line of standard input as a text message and prints each message that arrives. At a terminal there \
            is a prompt with history. In a pipe standard output has the messages only, one a line, and standard error \
            the rest; --json makes a line of JSON of every event instead.

            "lwscat tls <url>" explains a server's certificates; see "lwscat tls --help".

            \(LineEditor.help)

            \(JSONFormat.help)

            \(EndStatus.help)
            """,
        version: Lwscat.version)

    @Argument(
        help: ArgumentHelp("Where to connect to, such as wss://example.com/feed.", valueName: "url"),
        // The other first word that there is.
        completion: .list(["tls"]))
    var url: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            """
            Be a server on this port, of 127.0.0.1 unless a host is given; 0 takes any. With --cert it speaks wss, and with \
            --ca it then demands client certificates of those authorities.
            """, valueName: "[host:]port"))
    var listen: ListenAddress?

    @OptionGroup(title: "Messages")
    var session: SessionOptions

    @OptionGroup(title: "Output")
    var output: OutputOptions

    @OptionGroup(title: "Request")
    var request: RequestOptions

    @OptionGroup(title: "Connecting")
    var way: RouteOptions

    @OptionGroup(title: "TLS")
    var certificates: CertificateOptions

    @OptionGroup(title: "TLS versions and switches")
    var acceptance: AcceptanceOptions

    func validate() throws {
        guard (url == nil) != (listen == nil) else {
            throw ValidationError(url == nil ? "Give a URL, or --listen." : "Give a URL or --listen, not both.")
        }
        if listen != nil { try validateListening() }
    }

    /// Whatever a server would do nothing about is refused: somebody relies on it.
    private func validateListening() throws {
        let forConnecting = [
            ("--execute", !session.executes.isEmpty), ("--reconnect", session.reconnect != nil),
            ("--max-retries", session.maxRetries != nil), ("--ping", session.ping != nil),
            ("--header", !request.headers.isEmpty), ("--auth", request.auth != nil),
            ("--cookie", !request.cookies.isEmpty), ("--origin", request.origin != nil),
            ("--proxy", way.proxy != nil), ("--unix-socket", way.unixSocket != nil), ("--timeout", way.timeout != nil),
            ("--pin", !certificates.pins.isEmpty), ("--server-name", certificates.serverName != nil),
            ("--insecure-untrusted-roots", acceptance.insecureUntrustedRoots),
            ("--insecure-any-hostname", acceptance.insecureAnyHostname),
            ("--insecure-expired-certificates", acceptance.insecureExpiredCertificates),
        ]
        if let (option, _) = forConnecting.first(where: \.1) {
            throw ValidationError("\(option) is for connecting, not for --listen.")
        }
        let forTLS = [("--ca", certificates.authority != nil), ("--minimum-tls", acceptance.minimumTLS != nil)]
        if certificates.identity == nil, let (option, _) = forTLS.first(where: \.1) {
            throw ValidationError("\(option) needs --cert and --key with --listen.")
        }
    }

    @MainActor
    func run() async throws {
        // Whatever has to be said is said here; the libraries' logs would go to standard output.
        LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
        let status = if let listen { try await serve(listen) } else { try await connect() }
        throw status.exitCode
    }
}

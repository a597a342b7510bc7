import ArgumentParser
import Foundation
import WebSocketTesting

/// `badwss serve`, and `badwss` alone.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve every case on a loopback port of its own, and tell what each client did.",
        discussion: """
            The directory gets ca.pem, the authority to trust; crl.pem, the revocation lists of all authorities; the \
            client certificates; and manifest.json, which says what is served where. Each client's connection is told in a \
            line when it has ended: "accepted" when its handshake was completed, the alert that it sent, or that it just went. A \
            server echoes the messages of a WebSocket, and answers any other HTTP request with 200.

            EXIT STATUS:
              0   the time of --for is over
              64  the command line cannot be used
              71  the operating system lacked something, such as a port
              128 and the signal's number, when a signal asked for the end; that of SIGPIPE when nobody reads what it tells \
            any more
            """)

    @OptionGroup
    var options: CaseOptions

    @Option(
        name: .customLong("port"),
        help: ArgumentHelp(
            "The port of the first case in the list, all others having the ones after it. Without it the system chooses.",
            valueName: "port"))
    var firstPort = 0

    @Option(
        help: ArgumentHelp(
            "Where to write the files, which stay. Without it a temporary directory, which is removed in the end.",
            valueName: "path"),
        completion: .directory)
    var directory: String?

    @Option(help: "The scheme of the URLs.")
    var scheme: Scheme = .wss

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("End after this time: 500ms, 60s, 10m.", valueName: "time"))
    var period: Period?

    func validate() throws {
        let last = 65_536 - CertificateCase.allCases.count
        guard (0...last).contains(firstPort) else { throw ValidationError("--port must be from 0 to \(last).") }
    }

    func run() async throws {
        let ends = Ends()
        defer { ends.cancel() }
        // Without clients it would have nothing to write, and never notice.
        Output.watchForReadersEnd { ends.end(as: SIGPIPE) }
        let (isJSON, width) = (options.json, options.cases.map(\.rawValue.count).max() ?? 0)
        try await EndStatus.translatingErrors {
            let servers = try CertificateCaseServers.start(options.cases, firstPort: firstPort) { test, connection in
                do {
                    let line =
                        isJSON
                        ? try JSON.text(ConnectionEvent(name: test, connection: connection), isPretty: false)
                        : "\(Date().formatted(.iso8601))  \(test.rawValue.padded(to: width))  \(connection)"
                    try Output.write(line + "\n")
                } catch {
                    // Nobody is told any more: there is nobody to serve for.
                    ends.end(as: SIGPIPE)
                }
            }
            defer { servers.stop() }
            try await serve(servers, until: ends)
        }
    }

    private func serve(_ servers: CertificateCaseServers, until ends: Ends) async throws {
        if let directory {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        let files = try CaseFiles(servers, in: directory.map { URL(filePath: $0).path })
        defer { if directory == nil { files.remove() } }
        let manifest = Manifest(servers, files, scheme: scheme, process: getpid())
        try Data((JSON.text(manifest) + "\n").utf8).write(
            to: URL(filePath: "\(files.directory)/manifest.json"), options: .atomic)
        try Output.write(
            options.json
                ? JSON.text(manifest, isPretty: false) + "\n" : manifest.text(directory: files.directory) + "\n")
        guard let signal = await ends.next(within: period?.duration) else { return }
        throw EndStatus.signal(signal)
    }
}

import Foundation
import LibWebSockets

/// The side of the Autobahn test suite that is under test; `scripts/conformance` starts it.
///
/// - `Conformance client URL AGENT` runs every case of the fuzzing server at `URL` and lets it write its report.
/// - `Conformance server` prints its URL and sends everything back, until it is ended.
@main
struct Conformance {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch (arguments.first, arguments.count) {
        case ("client", 3): try await runCases(of: arguments[1], agent: arguments[2])
        case ("server", 1): try await serve()
        default: throw Misuse()
        }
    }

    struct Misuse: Error, CustomStringConvertible {
        let description = "usage: Conformance client URL AGENT | Conformance server"
    }

    /// Section 9 has messages of 16 MiB, in one frame and in many.
    private static let maximumMessageSize = 32 << 20

    // MARK: Client

    private static func runCases(of url: String, agent: String) async throws {
        let counter = try await WebSocket.connect(to: "\(url)/getCaseCount")
        var count: Int?
        for try await message in counter.messages { count = message.text.flatMap { Int($0) } }
        guard let count else { throw Misuse() }
        for number in 1...max(1, count) {
            await run("\(url)/runCase?case=\(number)&agent=\(agent)")
        }
        let reporter = try await WebSocket.connect(to: "\(url)/updateReports?agent=\(agent)")
        _ = try await reporter.closed()
    }

    private static func run(_ url: String) async {
        do {
            let configuration = WebSocketConfiguration(maximumMessageSize: maximumMessageSize)
            try await echo(WebSocket.connect(to: url, configuration: configuration))
        } catch {
            // Most cases break the protocol, so that an error is the right end: the suite judges, not this program.
        }
    }

    private static func echo(_ socket: WebSocket) async throws {
        for try await message in socket.messages { try await socket.send(message) }
        _ = try await socket.closed()
    }

    // MARK: Server

    private static func serve() async throws {
        let server = try await WebSocketServer.start(
            configuration: .init(compression: .automatic, maximumMessageSize: maximumMessageSize)
        ) { socket, _ in
            try await echo(socket)
        }
        // Past `print`, which holds the line back as long as a pipe has room.
        FileHandle.standardOutput.write(Data("\(server.url)\n".utf8))
        try await Task.sleep(for: .seconds(86_400))
        await server.stop()
    }
}

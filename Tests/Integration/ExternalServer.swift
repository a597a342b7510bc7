import Synchronization
import Foundation
import LibWebSockets

/// A server that we did not write, in a process of its own, started from a script in `Tests/Integration/Servers`.
///
/// It exists inside ``with(script:arguments:body:)`` only: however that ends, the process is killed and reaped and its
/// files are removed. The scripts end with their standard input, so that nothing outlives a test run that crashes.
final class ExternalServer: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct Running {
        let process: ExternalProcess
        let address: Address
    }

    /// The line that a script prints when its server accepts connections.
    private struct Address: Decodable {
        let port: UInt16
        /// The process that serves, which need not be the script's own.
        let pid: Int32
    }

    /// Long enough for Python to start on a machine that is busy compiling.
    private static let startTimeout = Duration.seconds(60)

    let port: UInt16
    private let script: String
    private let arguments: [String]
    private let directory: URL
    private let running: Lock<Running?>

    private init(script: String, arguments: [String], directory: URL) async throws {
        let first = try await Self.start(script: script, arguments: arguments, directory: directory)
        self.script = script
        self.arguments = arguments
        self.directory = directory
        port = first.address.port
        running = Lock(first)
    }

    /// Runs `body` with a server that accepts connections.
    ///
    /// - Parameter arguments: The script's, given a directory for files that are to vanish with the server.
    static func with<Result>(
        script: String,
        arguments: (_ directory: URL) throws -> [String],
        body: (ExternalServer) async throws -> Result
    ) async throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appending(path: "external-server-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let server = try await ExternalServer(
            script: script, arguments: try arguments(directory), directory: directory)
        // A well-behaved server has nothing to say, so whatever it said helps to understand the test.
        defer { for line in server.log.split(separator: "\n") { print("[\(script)] \(line)") } }
        do {
            let result = try await body(server)
            await server.kill()
            return result
        } catch {
            await server.kill()
            throw error
        }
    }

    /// The text that the server wrote to its standard error so far.
    var log: String { Self.log(in: directory) }

    /// The URL of the WebSocket server behind the port.
    func url(scheme: String, host: String = "localhost", path: String = "/") -> String {
        "\(scheme)://\(host):\(port)\(path)"
    }

    /// The path at which the server listens when it was told to listen on a Unix domain socket.
    var unixSocketPath: String { Self.unixSocketPath(in: directory) }

    static func unixSocketPath(in directory: URL) -> String { directory.appending(path: "socket").path }

    var isRunning: Bool { running.withLock { $0 != nil } }

    /// Ends the server as an operator would, with SIGTERM, and waits until it is gone.
    func terminate() async { await end(with: SIGTERM) }

    /// Ends the server as a power cut would, with SIGKILL, and waits until it is gone.
    func kill() async { await end(with: SIGKILL) }

    /// Stops the server's execution: connections stay, answers do not come.
    func pause() { signal(SIGSTOP) }

    /// Takes execution up again.
    func resume() { signal(SIGCONT) }

    /// Makes the server read its configuration again, as `nginx -s reload` does.
    func reload() { signal(SIGHUP) }

    /// Starts the server again on the same port, after ``terminate()`` or ``kill()``.
    func restart() async throws {
        guard !isRunning else { throw Failure(description: "\(script) still runs") }
        let port = ["--port", String(port)]
        let next = try await Self.start(script: script, arguments: arguments + port, directory: directory)
        running.withLock { $0 = next }
    }

    private func signal(_ signal: Int32) {
        running.withLock { running in
            if let running { _ = Foundation.kill(running.address.pid, signal) }
        }
    }

    private func end(with signal: Int32) async {
        let ending = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let ending else { return }
        _ = Foundation.kill(ending.address.pid, signal)
        // A paused process gets SIGTERM only when it runs again.
        _ = Foundation.kill(ending.address.pid, SIGCONT)
        _ = await ending.process.exitStatus
    }

    private static func start(script: String, arguments: [String], directory: URL) async throws -> Running {
        let process = try ExternalProcess(
            executable: TestServers.python,
            arguments: [TestServers.directory.appending(path: script).path] + arguments,
            standardError: logFile(in: directory)
        )
        let line = await process.nextLine(within: startTimeout)
        if let line, let address = try? JSONDecoder().decode(Address.self, from: line) {
            return Running(process: process, address: address)
        }
        process.send(SIGKILL)
        let status = await process.exitStatus
        throw Failure(
            description: """
                \(script) \(arguments.joined(separator: " ")) did not start; its status is \(status) and it said:
                \(line.map { String(decoding: $0, as: UTF8.self) } ?? "nothing on standard output")
                \(log(in: directory))
                """)
    }

    private static func logFile(in directory: URL) -> URL { directory.appending(path: "standard-error.log") }

    private static func log(in directory: URL) -> String {
        (try? String(contentsOf: logFile(in: directory), encoding: .utf8)) ?? ""
    }
}

import Foundation
import TestSupport
import Testing
import WebSocketTesting

/// lwscat, or another tool, as a user runs it: the program that was built beside these tests, in a process of its own.
///
/// It exists inside ``run(_:tool:_:)`` only; however that ends, the process is killed and reaped.
struct LwscatProcess {
    /// The text that a test waits for comes at once, or late on a machine that is busy compiling.
    private static let patience = Duration.seconds(60)

    static var executable: URL { executable(of: "lwscat") }

    static func executable(of tool: String) -> URL {
        let tests = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
        return tests.deletingLastPathComponent().appending(path: tool)
    }

    private let process: ExternalProcess
    private let standardError: URL

    static func run<Result>(
        _ arguments: [String], tool: String = "lwscat", _ body: (LwscatProcess) async throws -> Result
    ) async throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appending(path: "\(tool)-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let standardError = directory.appending(path: "standard-error")
        let process = try ExternalProcess(
            executable: executable(of: tool), arguments: arguments, standardError: standardError)
        func end() async {
            process.send(SIGKILL)
            _ = await process.exitStatus
        }
        do {
            let result = try await body(LwscatProcess(process: process, standardError: standardError))
            await end()
            return result
        } catch {
            await end()
            throw error
        }
    }

    /// Runs it to its end, without input.
    ///
    /// - Returns: The exit status, the lines of standard output and the text of standard error.
    static func output(
        of arguments: [String], tool: String = "lwscat"
    ) async throws -> (status: Int32, lines: [String], errors: String) {
        try await run(arguments, tool: tool) { lwscat in
            try lwscat.endInput()
            var lines: [String] = []
            while let line = await lwscat.nextLine() { lines.append(line) }
            return (await lwscat.exitStatus, lines, lwscat.errors)
        }
    }

    func write(_ line: String) throws { try process.write(line + "\n") }
    func endInput() throws { try process.endInput() }
    func send(_ signal: Int32) { process.send(signal) }
    var exitStatus: Int32 { get async { await process.exitStatus } }
    var errors: String { (try? String(contentsOf: standardError, encoding: .utf8)) ?? "" }

    /// The next line of standard output; `nil` at its end.
    func nextLine() async -> String? {
        await process.nextLine(within: Self.patience).map { String(decoding: $0, as: UTF8.self) }
    }

    /// One line of `--json`.
    struct Event: Decodable {
        struct Statistics: Decodable {
            var connections: Int
            var messagesSent: Int
            var messagesReceived: Int
        }

        var event: String
        var url: String?
        var peer: String?
        var reason: String?
        var text: String?
        var route: String?
        var error: String?
        var `class`: String?
        var exit: Int32?
        var code: UInt16?
        var seconds: Double?
        var attempt: Int?
        var statistics: Statistics?
    }

    /// Skips events until one of this name.
    func event(_ name: String) async throws -> Event {
        while let line = await nextLine() {
            let event = try JSONDecoder().decode(Event.self, from: Data(line.utf8))
            if event.event == name { return event }
        }
        throw NeverHappened(description: "lwscat ended without the event \"\(name)\"; it said: \(errors)")
    }
}

/// A directory with the certificate of an authority and with that of a server at `localhost`, for programs that want files.
func withCertificateFiles<Result>(
    _ body: (_ authority: String, _ server: IssuedCertificate.Files, TLSFixture) async throws -> Result
) async throws -> Result {
    let directory = FileManager.default.temporaryDirectory.appending(path: "certificates-\(UUID())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let fixture = try TLSFixture()
    return try await body(
        try fixture.authority.write(to: directory.path),
        try fixture.certificate.write(to: directory.path, name: "server"), fixture)
}

extension LwscatProcess {
    /// Runs a command of bash and gives the lines of its output.
    static func shell(_ command: String) async throws -> [String] {
        let process = try ExternalProcess(
            executable: URL(filePath: "/bin/bash"), arguments: ["-c", command],
            standardError: URL(filePath: "/dev/null"))
        var lines: [String] = []
        while let line = await process.nextLine(within: patience) {
            lines.append(String(decoding: line, as: UTF8.self))
        }
        _ = await process.exitStatus
        return lines
    }
}

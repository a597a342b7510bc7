import Foundation
import Testing

@Suite("Next to implementations that we did not write", .needsEchoServer, .timeLimit(.minutes(10)))
struct DifferentialTests {
    /// The short form of `scripts/differential`.
    @Test("Frames and heads mean the same to Python's websockets, http.client and h11, but for the differences listed")
    func differences() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "differential-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let package = TestServers.directory.deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let program = LwscatProcess.executable.deletingLastPathComponent().appending(path: "Differential")
        let errors = directory.appending(path: "standard-error")
        let process = try ExternalProcess(
            executable: TestServers.python,
            arguments: [
                package.appending(path: "scripts/comparisons/differential.py").path, program.path, "--messages", "1000",
                "--heads", "4000",
            ], standardError: errors)
        var output: [String] = []
        while let line = await process.nextLine(within: .seconds(300)) {
            output.append(String(decoding: line, as: UTF8.self))
        }
        let status = await process.exitStatus
        let said = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
        #expect(status == 0, "\(output.joined(separator: "\n"))\n\(said)")
        #expect(output.count { $0.hasSuffix(" 0 unexplained differences") } == 2)
    }
}

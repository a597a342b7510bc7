import Foundation
import LibWebSockets
import Testing
import WebSocketTesting

/// lwscat in a terminal of tmux's, as somebody sees it who types.
private struct TerminalSession {
    private let socket: String
    private let tmux: URL

    /// Runs `body` with the arguments' lwscat at a terminal of 80 columns; what comes after it is shown too: its status,
    /// and whether the terminal was given back.
    static func run(_ arguments: [String], _ body: (TerminalSession) async throws -> Void) async throws {
        let tmux = try #require(TestServers.program("tmux"))
        let session = TerminalSession(socket: "lwscat-\(UUID())", tmux: tmux)
        let command = ([LwscatProcess.executable.path] + arguments).map { "'\($0)'" }.joined(separator: " ")
        let afterwards = "echo \"status $?\"; stty -a | tr ' ' '\\n' | grep -x -e icanon -e echo; exec cat"
        try await session.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "\(command); \(afterwards)")
        do {
            try await body(session)
        } catch {
            _ = try await session.tmux("kill-server")
            throw error
        }
        _ = try await session.tmux("kill-server")
    }

    @discardableResult
    private func tmux(_ arguments: String...) async throws -> [String] {
        let process = try ExternalProcess(
            executable: tmux, arguments: ["-u", "-L", socket] + arguments, standardError: URL(filePath: "/dev/null"))
        var lines: [String] = []
        while let line = await process.nextLine(within: .seconds(60)) {
            lines.append(String(decoding: line, as: UTF8.self))
        }
        _ = await process.exitStatus
        return lines
    }

    /// Types; names such as `Enter`, `Up` and `C-c` are keys.
    func type(_ keys: String...) async throws {
        for key in keys { try await tmux("send-keys", key) }
    }

    /// The rows that are not empty.
    func rows() async throws -> [String] {
        let rows = try await tmux("capture-pane", "-p")
        return rows.map { String($0.reversed().drop { $0 == " " }.reversed()) }.filter { !$0.isEmpty }
    }

    func waitFor(_ what: String, _ condition: ([String]) -> Bool) async throws {
        var shown: [String] = []
        try await eventually("no \(what); the terminal shows \(shown)") {
            shown = try await rows()
            return condition(shown)
        }
    }

    /// Waits for a row, the prompt's being the last.
    func waitFor(row: String) async throws { try await waitFor("row \"\(row)\"") { $0.contains(row) } }
    func waitFor(lastRow: String) async throws { try await waitFor("last row \"\(lastRow)\"") { $0.last == lastRow } }
}

@Suite("lwscat at a terminal", .needsTmux, .timeLimit(.minutes(10)))
struct LwscatTerminalTests {
    private func startServer() async throws -> TestServer {
        try await TestServer.start(isSecure: false) { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
    }

    @Test("A prompt with history and editing, above which messages appear; ctrl-c ends it in good order")
    func session() async throws {
        let server = try await startServer()
        try await TerminalSession.run([server.url]) { terminal in
            try await terminal.waitFor(row: "connected: \(server.url)")
            try await terminal.type("hello", "Enter")
            try await terminal.waitFor(row: "< hello")
            #expect(try await terminal.rows().contains("> hello"))

            try await terminal.type("Up")
            try await terminal.waitFor(lastRow: "> hello")
            try await terminal.type("C-a", "well ", "C-e", "!", "BSpace", "Left", "Left", "X")
            try await terminal.waitFor(lastRow: "> well helXlo")

            server.broadcast(.text("news \u{1B}[31mred\u{7}"))
            try await terminal.waitFor(row: "< news \\u{1B}[31mred\\u{07}")
            try await terminal.waitFor(lastRow: "> well helXlo")

            try await terminal.type("C-w")
            try await terminal.waitFor(lastRow: "> well lo")
            try await terminal.type("C-e", "C-u", "日本", "Enter")
            try await terminal.waitFor(row: "< 日本")

            try await terminal.type("C-c")
            try await terminal.waitFor("orderly end") { $0.suffix(3) == ["status 0", "icanon", "echo"] }
        }
        await server.stop()
    }

    @Test("The wait for the next attempt is counted down, and Enter cuts it short")
    func countdown() async throws {
        let server = try await startServer()
        try await TerminalSession.run([server.url, "--reconnect", "fixed:30"]) { terminal in
            try await terminal.waitFor(row: "connected: \(server.url)")
            try await terminal.type("half")
            await server.kill()
            try await terminal.waitFor("countdown") { $0.last?.hasPrefix("[attempt 2 in ") == true }
            try await terminal.waitFor("line behind the countdown") { $0.last?.hasSuffix("> half") == true }
            try await server.restart()
            try await terminal.type("C-u", "Enter")
            try await terminal.waitFor("second connection") { rows in
                rows.count { $0 == "connected: \(server.url)" } == 2
            }
            try await terminal.type("again", "Enter")
            try await terminal.waitFor(row: "< again")
            try await terminal.type("C-d")
            try await terminal.waitFor(row: "status 0")
        }
        await server.stop()
    }
}

import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketTesting

/// lwscat in a terminal of tmux's, as somebody sees it who types.
private struct TerminalSession {
    private let socket: String
    private let tmux: URL

    /// Runs `body` with the arguments' lwscat at a terminal of 80 columns; what comes after it is shown too: its status,
    /// and whether the terminal was given back.
    ///
    /// - Parameters:
    ///   - before: The text in front of it: `NO_COLOR=1`, or a command whose output it reads and a bar.
    static func run(
        _ arguments: [String], before: String = "", _ body: (TerminalSession) async throws -> Void
    ) async throws {
        let words = ([LwscatProcess.executable.path] + arguments).map { "'\($0)'" }.joined(separator: " ")
        try await run(command: "\(before) \(words)", body)
    }

    static func run(command: String, _ body: (TerminalSession) async throws -> Void) async throws {
        let tmux = try #require(TestServers.program("tmux"))
        let session = TerminalSession(socket: "lwscat-\(UUID())", tmux: tmux)
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

    /// The title that programs give their window.
    func title() async throws -> String? { try await tmux("display-message", "-p", "#{pane_title}").first }

    /// The rows that are not empty.
    ///
    /// - Parameter colored: With the escape sequences of their colours, as tmux writes them.
    func rows(colored: Bool = false) async throws -> [String] {
        let rows = try await colored ? tmux("capture-pane", "-p", "-e") : tmux("capture-pane", "-p")
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

    @Test(
        "A peer's escape sequences do not reach the terminal, whatever the input is",
        arguments: [["-x", "hi"], [], ["--json", "-x", "hi"]])
    func noPrompt(arguments: [String]) async throws {
        let server = try await TestServer.start(isSecure: false) { socket, _ in
            while try await socket.nextMessages() != nil {
                try await socket.send("\u{1B}[31mred\u{1B}]0;pwned title\u{7}\u{9B}35mpurple")
            }
        }
        let before = arguments.isEmpty ? "echo hi |" : ""
        let all = [server.url, "--max-messages", "1", "--color", "never"] + arguments
        try await TerminalSession.run(all, before: before) { terminal in
            try await terminal.waitFor(row: "status 0")
            let shown = try await terminal.rows(colored: true).joined()
            if arguments.contains("--json") {
                #expect(shown.contains(#"\u001b[31mred\u001b]0;pwned title\u0007\u009b35mpurple"#), "\(shown)")
            } else {
                #expect(shown.hasPrefix(#"\u{1B}[31mred\u{1B}]0;pwned title\u{07}\u{009B}35mpurple"#), "\(shown)")
            }
            #expect(try await terminal.title() != "pwned title")
        }
        await server.stop()
    }

    @Test("Colours are there at a terminal, and not with NO_COLOR")
    func colors() async throws {
        let server = try await startServer()
        // The environment of the tests may say either.
        for (before, isColored) in [("env -u NO_COLOR", true), ("NO_COLOR=1", false)] {
            try await TerminalSession.run([server.url], before: before) { terminal in
                try await terminal.waitFor(row: "connected: \(server.url)")
                try await terminal.type("hello", "Enter")
                try await terminal.waitFor(row: "< hello")
                let rows = try await terminal.rows(colored: true)
                // Cyan and green, however tmux ends them.
                #expect(rows.contains { $0.contains("\u{1B}[36m<") } == isColored, "\(rows)")
                #expect(rows.contains { $0.contains("\u{1B}[32m>") } == isColored, "\(rows)")
                #expect(rows.contains { $0.contains("\u{1B}") } == isColored, "\(rows)")
                try await terminal.type("C-d")
                try await terminal.waitFor(row: "status 0")
            }
        }
        await server.stop()
    }

    @Test("A server at a terminal: each line goes to every client, and each message has its sender")
    func listening() async throws {
        try await TerminalSession.run(["--listen", "0"]) { terminal in
            try await terminal.waitFor("address") { $0.first?.hasPrefix("listening on ws://127.0.0.1:") == true }
            let url = try #require(try await terminal.rows().first?.split(separator: " ").last.map(String.init))
            try await LwscatProcess.run([url]) { first in
                try await LwscatProcess.run([url]) { second in
                    try await terminal.waitFor("clients") { rows in
                        rows.count { $0.hasPrefix("connected: 127.0.0.1:") } == 2
                    }
                    try await terminal.type("to all", "Enter")
                    for client in [first, second] { #expect(await client.nextLine() == "to all") }
                    try first.write("from one")
                    try second.write("from another")
                    try await terminal.waitFor("messages with senders") { rows in
                        let peers = rows.filter { $0.hasPrefix("connected: ") }.map { String($0.dropFirst(11)) }
                        return ["from one", "from another"].allSatisfy { text in
                            peers.contains { rows.contains("< \($0) \(text)") }
                        }
                    }
                    try await terminal.type("C-c")
                    try await terminal.waitFor("orderly end") { $0.suffix(3) == ["status 0", "icanon", "echo"] }
                    for client in [first, second] {
                        #expect(await client.nextLine() == nil)
                        #expect(await client.exitStatus == 0)
                    }
                }
            }
        }
    }

    @Test("bash completes options behind a URL, whose colon parts words there")
    func completion() async throws {
        let path = LwscatProcess.executable.path
        let script = "'\(path)' --generate-completion-script bash"
        let prompt = "PS1='$ ' bash --norc --noprofile -i"
        try await TerminalSession.run(command: prompt) { terminal in
            try await terminal.type("source <(\(script)); clear; echo ready", "Enter")
            try await terminal.waitFor(row: "ready")
            try await terminal.type("lwscat wss://x --recon", "Tab", "pers", "Tab")
            try await terminal.waitFor(lastRow: "$ lwscat wss://x --reconnect persistent")
        }
    }
}

import Foundation
import LibWebSockets
import Testing
import WebSocketTesting

@Suite("lwscat", .needsEchoServer, .timeLimit(.minutes(10)))
struct LwscatTests {
    /// Runs `body` with a wss echo server that `--ca` makes lwscat trust.
    private func withServer<Result>(
        _ change: (inout EchoServerOptions) -> Void = { _ in },
        _ body: (_ server: ExternalServer, _ authority: String) async throws -> Result
    ) async throws -> Result {
        try await withCertificateFiles { authority, _, fixture in
            var options = fixture.echoOptions
            change(&options)
            return try await withEchoServer(options) { try await body($0, authority) }
        }
    }

    @Test("Lines go out, messages come back, and nothing else is on standard output")
    func piped() async throws {
        try await withServer { server, authority in
            try await LwscatProcess.run([server.url(scheme: "wss"), "--ca", authority, "--wait", "0"]) { lwscat in
                for line in ["one", "zwei 日本", "", "four"] {
                    try lwscat.write(line)
                    #expect(await lwscat.nextLine() == line)
                }
                try lwscat.endInput()
                #expect(await lwscat.nextLine() == nil)
                #expect(await lwscat.exitStatus == 0)
                #expect(lwscat.errors == "")
            }
        }
    }

    @Test("What comes through a pipe is sent without loss, however much it is")
    func bulk() async throws {
        let count = 20_000
        try await withServer { server, authority in
            let arguments = [server.url(scheme: "wss"), "--ca", authority, "--max-messages", "\(count)"]
            try await LwscatProcess.run(arguments) { lwscat in
                async let writing: Void = {
                    for start in stride(from: 0, to: count, by: 1_000) {
                        try lwscat.write((start..<start + 1_000).map(String.init).joined(separator: "\n"))
                    }
                }()
                for number in 0..<count {
                    guard await lwscat.nextLine() == "\(number)" else {
                        Issue.record("\(number) did not come")
                        break
                    }
                }
                try await writing
                #expect(await lwscat.exitStatus == 0)
            }
        }
    }

    @Test("--execute sends messages, --max-messages ends after the answers")
    func execute() async throws {
        try await withServer { server, authority in
            let result = try await LwscatProcess.output(of: [
                server.url(scheme: "wss"), "--ca", authority, "-x", "one", "-x", "two", "--max-messages", "2",
            ])
            #expect(result.status == 0)
            #expect(result.lines == ["one", "two"])
        }
    }

    @Test("--wait is how long it stays for answers that do not come")
    func wait() async throws {
        let server = try await TestServer.start(isSecure: false) { socket, _ in
            while try await socket.nextMessages() != nil {}
        }
        let (result, duration) = try await timed {
            try await LwscatProcess.output(of: [server.url, "-x", "one", "--wait", "0.5", "--close-code", "4321"])
        }
        #expect(result.status == 0)
        #expect(result.lines == [])
        #expect(duration >= .milliseconds(500))
        await server.stop()
    }

    @Test("Without any time for answers, what was to be sent is sent all the same")
    func sendsAndLeaves() async throws {
        let texts = (0..<200).map(String.init)
        try await LwscatProcess.run(["--listen", "0", "--json"]) { server in
            let url = try #require(try await server.event("listening").url)
            let result = try await LwscatProcess.output(of: [url, "--wait", "0"] + texts.flatMap { ["-x", $0] })
            #expect(result.status == 0)
            #expect(result.errors == "")
            for text in texts { #expect(try await server.event("message").text == text) }
        }
    }

    @Test("The close code and reason are those of the command line")
    func closeCode() async throws {
        try await withServer { server, authority in
            let url = server.url(scheme: "wss")
            let result = try await LwscatProcess.output(of: [
                url, "--ca", authority, "-x", "a", "--max-messages", "1", "--close-code", "4321", "--close-reason",
                "why",
            ])
            #expect(result.status == 0)
            let closures = try await LwscatProcess.output(of: [
                server.url(scheme: "wss", path: "/closures"), "--ca", authority, "--max-messages", "1", "--wait",
                "forever",
            ])
            #expect(closures.lines.first?.contains("\"code\": 4321, \"reason\": \"why\"") == true)
        }
    }

    @Test("--json makes a line of every event")
    func json() async throws {
        try await withServer { server, authority in
            let url = server.url(scheme: "wss")
            let arguments = [
                url, "--ca", authority, "--json", "--route", "type", "--ping", "0.05", "--max-messages", "2",
            ]
            try await LwscatProcess.run(arguments) { lwscat in
                #expect(try await lwscat.event("open").url == url)
                #expect(try await lwscat.event("roundTrip").seconds ?? 0 > 0)
                try lwscat.write(#"{"type":"price"}"#)
                let message = try await lwscat.event("message")
                #expect(message.text == #"{"type":"price"}"#)
                #expect(message.route == "price")
                try lwscat.write("last")
                let end = try await lwscat.event("end")
                #expect(end.exit == 0)
                #expect(end.statistics?.messagesSent == 2)
                #expect(end.statistics?.messagesReceived == 2)
                #expect(await lwscat.exitStatus == 0)
            }
        }
    }

    @Test("Headers, cookies, authorization and subprotocols reach the server")
    func request() async throws {
        try await withServer({ $0.subprotocols = ["v2"] }) { server, authority in
            let result = try await LwscatProcess.output(of: [
                server.url(scheme: "wss", path: "/request"), "--ca", authority, "-H", "X-One: 1", "--cookie", "a=b",
                "--auth", "me:secret", "-s", "v1", "-s", "v2", "--max-messages", "1", "--verbose", "--wait", "forever",
            ])
            #expect(result.status == 0)
            let request = result.lines.first ?? ""
            for header in [#"["X-One", "1"]"#, #"["Cookie", "a=b"]"#, #"["Authorization", "Basic bWU6c2VjcmV0"]"#] {
                #expect(request.contains(header), "\(request)")
            }
            #expect(result.errors.contains("subprotocol v2"))
        }
    }

    @Test("It comes back when the server does, and says meanwhile what it waits for")
    func reconnect() async throws {
        try await withServer { server, authority in
            let arguments = [server.url(scheme: "wss"), "--ca", authority, "--json", "--reconnect", "fixed:0.1"]
            try await LwscatProcess.run(arguments) { lwscat in
                _ = try await lwscat.event("open")
                await server.kill()
                #expect(try await lwscat.event("failed").class == "lost")
                #expect(try await lwscat.event("waiting").seconds == 0.1)
                #expect(try await lwscat.event("failed").class == "unreachable")
                try lwscat.write("kept")
                try await server.restart()
                _ = try await lwscat.event("open")
                #expect(try await lwscat.event("message").text == "kept")
                lwscat.send(SIGTERM)
                #expect(try await lwscat.event("end").exit == 128 + SIGTERM)
                #expect(await lwscat.exitStatus == 128 + SIGTERM)
            }
        }
    }

    @Test("A refusal that is final ends a reconnecting lwscat, but no persistent one")
    func persistent() async throws {
        try await withEchoServer { server in
            let url = server.url(scheme: "ws", path: "/refuse?status=404")
            let fixed = try await LwscatProcess.output(of: [url, "--reconnect", "fixed:0.01", "--wait", "forever"])
            #expect(fixed.status == 77)
            #expect(!fixed.errors.contains("attempt 2"))
            let persistent = try await LwscatProcess.output(of: [
                url, "--reconnect", "persistent:0.01", "--max-retries", "2", "--wait", "forever",
            ])
            #expect(persistent.status == 77)
            #expect(persistent.errors.contains("attempt 3 in"), "\(persistent.errors)")
        }
    }

    @Test("--listen serves a second lwscat over wss")
    func listen() async throws {
        try await withCertificateFiles { authority, files, _ in
            let arguments = ["--listen", "0", "--cert", files.certificateChain, "--key", files.privateKey, "--json"]
            try await LwscatProcess.run(arguments) { server in
                let url = try #require(try await server.event("listening").url)
                #expect(url.hasPrefix("wss://127.0.0.1:"))
                let arguments = [url, "--ca", authority, "--max-messages", "1", "--close-reason", "why"]
                try await LwscatProcess.run(arguments) { client in
                    let peer = try #require(try await server.event("open").peer)
                    try client.write("question")
                    let message = try await server.event("message")
                    #expect(message.text == "question")
                    #expect(message.peer == peer)
                    try server.write("answer")
                    #expect(await client.nextLine() == "answer")
                    #expect(await client.exitStatus == 0)
                }
                let closed = try await server.event("closed")
                #expect(closed.code == 1000)
                #expect(closed.reason == "why")
                server.send(SIGTERM)
                #expect(await server.exitStatus == 128 + SIGTERM)
            }
        }
    }

    @Test("Whoever reads its output may leave")
    func outputClosed() async throws {
        try await withServer({ $0.pushedMessages = 100_000 }) { server, authority in
            let command =
                "'\(LwscatProcess.executable.path)' --ca '\(authority)' --wait forever '\(server.url(scheme: "wss"))'"
            let closed = try await LwscatProcess.shell(
                "{ \(command) </dev/null | head -n 1 >/dev/null; echo \"${PIPESTATUS[0]}\"; }")
            #expect(closed == ["141"])
        }
    }
}

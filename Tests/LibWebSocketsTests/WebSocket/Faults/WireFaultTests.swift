import HTTPTypes
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Bytes that peers put on the wire before the connection is open, and that once crashed, leaked or got lost:
/// libwebsockets' HTTP parser is not to see any of it.
@Suite("Bytes on the wire before the connection is open", .hangs) struct WireFaultTests {
    /// With this, what should not be waited for must not be waited for.
    private static let patient = WebSocketConfiguration(connectTimeout: .seconds(86_400))

    private func failure(
        of script: [FaultServer.Step], security: Security = .plain, configuration: WebSocketConfiguration = patient
    ) async throws -> WebSocketError {
        var failure: WebSocketError?
        try await withFaultServer(listening: script, security: security, configuration: configuration) { _, connect in
            failure = await #expect(throws: WebSocketError.self) { try await connect() }
        }
        return try #require(failure)
    }

    private func body(_ error: WebSocketError) -> String? {
        error.refusal.map { String(decoding: $0.body, as: UTF8.self) }
    }

    // MARK: - Refusals

    @Test(
        "A chunk's size that no counter holds is a refusal like any other",
        arguments: ["ffffffff", "80000000", "7fffffff", "ffffffffffffffff", "fffffffffffffffffffff"], Security.allCases)
    func chunkSize(size: String, security: Security) async throws {
        let error = try await failure(
            of: [
                .readRequest,
                .write("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n\(size)\r\nthe beginning"),
            ], security: security)
        #expect(error.code == .upgradeRefused)
        #expect(error.refusal?.status.code == 403)
        #expect(body(error) == "the beginning")
    }

    @Test("A head whose lines end in LF alone has the headers that it has, and no others")
    func lineFeeds() async throws {
        let secrets = WebSocketConfiguration(
            headers: [.authorization: "Bearer secret", .cookie: "also=secret"], connectTimeout: .seconds(86_400))
        let error = try await failure(
            of: [.readRequest, .write("HTTP/1.1 403 Forbidden\nX-Own: yes\nContent-Length: 0\n\n"), .readUntilEnd],
            configuration: secrets)
        #expect(error.refusal?.status.code == 403)
        #expect(
            error.refusal?.headers.map { "\($0.name.rawName): \($0.value)" } == ["X-Own: yes", "Content-Length: 0"])
        #expect(!error.message.contains("secret"))
    }

    @Test("A refusal counts although the server resets the connection behind it", arguments: Security.allCases)
    func refusalAndReset(security: Security) async throws {
        let script: [FaultServer.Step] = [
            .read(1), .respond(status: 503, headers: [("Retry-After", "7")], body: "busy"), .reset,
        ]
        for _ in 0..<30 {
            let error = try await failure(of: script, security: security)
            #expect(error.code == .upgradeRefused, "\(error)")
            #expect(error.refusal?.status.code == 503)
            #expect(error.refusal?.retryAfter == .seconds(7))
            #expect(body(error) == "busy")
        }
    }

    @Test("Headers by the dozen are as good as one, each for itself and in order")
    func manyHeaders() async throws {
        let cookies = (0..<90).map { ("Set-Cookie", "c\($0)=v; Path=/") }
        let error = try await failure(of: [.readRequest, .respond(status: 403, headers: cookies), .readUntilEnd])
        #expect(error.refusal?.headers[values: .setCookie] == cookies.map(\.1))
    }

    @Test(
        "A line that is no header is refused at once, with what is wrong with it",
        arguments: [
            ("X: a\r\n folded", "begins with a blank"), ("no colon here", "has no colon"),
            ("Bad Name: x", "does not begin with a header's name"), ("Space : x", "has a blank in front of its colon"),
        ])
    func brokenLines(line: String, words: String) async throws {
        let error = try await failure(of: [
            .readRequest, .write("HTTP/1.1 101 Switching Protocols\r\n\(line)\r\nUpgrade: websocket\r\n"), .stall,
        ])
        #expect(error.code == .invalidHandshake)
        #expect(error.stage == .upgrade)
        #expect(error.message.contains(words), "\(error.message)")
    }

    @Test("An answer of another protocol is an invalid handshake, not a lost connection")
    func icy() async throws {
        let error = try await failure(of: [.readRequest, .write("ICY 200 OK\r\nicy-name: radio\r\n\r\n")])
        #expect(error.code == .invalidHandshake)
        #expect(error.message.contains("It is not HTTP: it begins with \"ICY 200 OK\""), "\(error.message)")
    }

    @Test("A peer that just ends TCP in the TLS handshake has not broken a pipe")
    func endInTLS() async throws {
        for _ in 0..<10 {
            let error = try await failure(of: [.read(1), .shutDownWriting, .readUntilEnd], clientSecurity: .tls)
            #expect(error.code == .connectionLost)
            #expect(error.stage == .tls)
            #expect(error.errno == nil)
            #expect(!error.message.contains("Broken pipe"), "\(error.message)")
        }
    }

    private func failure(of script: [FaultServer.Step], clientSecurity: Security) async throws -> WebSocketError {
        let server = try FaultServer(scripts: [script])
        defer { server.stop() }
        let loop = SocketLoop.forTest()
        let configuration = WebSocketConfiguration(
            tls: try clientSecurity.client, connectTimeout: .seconds(86_400))
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocket.connect(
                to: "wss://127.0.0.1:\(server.port)/", configuration: configuration, on: loop)
        }
        await loop.shutDown()
        return try #require(error)
    }

    // MARK: - Answers that are right, in odd ways

    @Test(
        "A message and a close frame count although the server resets the connection behind them",
        arguments: Security.allCases)
    func openAndReset(security: Security) async throws {
        let frames = FaultServer.Frame.text("last words").bytes + FaultServer.Frame.close(1001, reason: "bye").bytes
        for _ in 0..<30 {
            try await withFaultServer([.upgrade(.init(trailing: frames)), .reset], security: security) { _, socket in
                let received = try await socket.receiveAll()
                #expect(received == [.text("last words")])
                #expect(socket.closure?.received == CloseFrame(code: .goingAway, reason: "bye"))
            }
        }
    }

    @Test(
        "Interim responses in front of the answer are skipped",
        arguments: [[100], [103], [100, 102, 103]], Security.allCases)
    func interim(statuses: [Int], security: Security) async throws {
        let interim = statuses.map { "HTTP/1.1 \($0) Wait\r\nLink: </x>; rel=preload\r\n\r\n" }.joined()
        try await withFaultServer(
            [.readRequest, .write(interim), .upgrade(), .write(.text("on")), .stall], security: security,
            configuration: Self.patient
        ) { _, socket in
            #expect(socket.handshake.headers[HTTPField.Name("Link")!] == nil)
            let received = try await socket.receive(1)
            #expect(received == [.text("on")])
        }
        let error = try await failure(
            of: [.readRequest, .write(interim), .respond(status: 403, body: "no"), .readUntilEnd], security: security)
        #expect(error.refusal?.status.code == 403)
        #expect(body(error) == "no")
    }

    @Test("A head in two packets keeps every header and every value as it is", arguments: Security.allCases)
    func headInTwoPackets(security: Security) async throws {
        var rest = FaultServer.UpgradeResponse(headers: [("x-not-known", "a;b ;c"), ("X-Not-Known", "second")])
        rest.statusLine = "value; Path=/;Secure"
        let script: [FaultServer.Step] = [
            .readRequest, .writeSlowly(Array("HTTP/1.1 101 Switching Protocols\r\nX-Cut: ".utf8), chunk: 1_000),
            .upgrade(rest), .stall,
        ]
        try await withFaultServer(script, security: security) { _, socket in
            let headers = socket.handshake.headers
            #expect(headers[HTTPField.Name("X-Cut")!] == "value; Path=/;Secure")
            #expect(headers[values: HTTPField.Name("X-Not-Known")!] == ["a;b ;c", "second"])
        }
    }

    // MARK: - Cut and changed

    private static let refusal = """
        HTTP/1.1 429 Slow Down\r\nRetry-After: 3\r\nX-Odd: a;b ;c\r\nTransfer-Encoding: chunked\r\n\r\n\
        4\r\nwait\r\n3;x=y\r\n, \r\n\r\n0\r\n\r\n
        """

    @Test("A refusal is the same wherever its packets end", arguments: Security.allCases)
    func cuts(security: Security) async throws {
        let answer = Array(Self.refusal.utf8)
        let whole = try await failure(of: [.readRequest, .write(answer), .readUntilEnd], security: security).refusal
        #expect(whole?.status.code == 429)
        #expect(whole?.headers.count == 3)
        let scripts = (1..<answer.count).map { cut in
            // The second piece is the rest, however long.
            [
                .readRequest, .write(Array(answer[..<cut])), .pause(.milliseconds(1)), .write(Array(answer[cut...])),
                .readUntilEnd,
            ]
                as [FaultServer.Step]
        }
        let server = try FaultServer(tls: try security.faultServer, scripts: scripts)
        defer { server.stop() }
        let loop = SocketLoop.forTest()
        let configuration = WebSocketConfiguration(tls: try security.client, connectTimeout: .seconds(86_400))
        for cut in 1..<answer.count {
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(to: server.url(), configuration: configuration, on: loop)
            }
            #expect(error?.refusal == whole, "cut at \(cut)")
        }
        await loop.shutDown()
    }

    @Test("Answers with a few bytes changed, added or taken away end every attempt, and nothing else")
    func mutations() async throws {
        var random = SplitMix64(seed: 4711)
        let answers = [
            Self.refusal, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1/\r\nContent-Length: 5\r\n\r\nthere",
        ]
        let scripts = (0..<400).map { index in
            var answer = Array(answers[index % answers.count].utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let position = Int.random(in: 0..<answer.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: answer[position] = .random(in: 0 ... .max, using: &random)
                case 1: answer.insert(.random(in: 0 ... .max, using: &random), at: position)
                default: answer.remove(at: position)
                }
            }
            let ending: [FaultServer.Step] = index % 2 == 0 ? [.reset] : []
            return [.readRequest, .write(answer)] + ending
        }
        let server = try FaultServer(scripts: scripts)
        defer { server.stop() }
        let loop = SocketLoop.forTest()
        for index in scripts.indices {
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(to: server.url(), configuration: Self.patient, on: loop)
            }
            let codes: [WebSocketError.Code] = [.upgradeRefused, .invalidHandshake, .connectionLost]
            #expect(error.map { codes.contains($0.code) } == true, "answer \(index): \(String(describing: error))")
        }
        try await eventually("an attempt has left its socket") { OpenSockets.connected(to: Int(server.port)) == 0 }
        await loop.shutDown()
    }
}

/// Steele, Lea and Flood's generator: the same numbers for the same seed, everywhere.
private struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

import LibC
import HTTPTypes
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// The faults of a server, or of what is taken for one, before the connection is open: each has a typed error with a text
/// that says what happened, and leaves nothing behind.
@Suite("Servers that fail before the connection is open", .hangs) struct ConnectFaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        let script: [FaultServer.Step]
        /// The use of TLS by the server, and by the client.
        var server = Security.plain
        var client = Security.plain
        let code: WebSocketError.Code
        let stage: WebSocketError.Stage
        /// The words that the text must have.
        let words: [String]

        var testDescription: String { name }
    }

    /// Makes an attempt that fails, and checks that its socket is gone.
    @discardableResult
    private func failure(
        of script: [FaultServer.Step], server serverSecurity: Security = .plain, client: Security? = nil,
        configuration: WebSocketConfiguration = .init()
    ) async throws -> WebSocketError {
        let server = try FaultServer(tls: try serverSecurity.faultServer, scripts: [script])
        defer { server.stop() }
        return try await failure(
            connectingTo: (client ?? serverSecurity) == .tls
                ? "wss://127.0.0.1:\(server.port)/" : "ws://127.0.0.1:\(server.port)/",
            port: Int(server.port), configuration: configuration)
    }

    private func failure(
        connectingTo url: String, port: Int, configuration: WebSocketConfiguration = .init()
    ) async throws -> WebSocketError {
        var configuration = configuration
        configuration.tls = try Security.tls.client
        let loop = SocketLoop.forTest()
        var failure: (any Error)?
        do {
            _ = try await WebSocket.connect(to: url, configuration: configuration, on: loop)
        } catch {
            failure = error
        }
        try await eventually("the failed attempt keeps its socket") { OpenSockets.connected(to: port) == 0 }
        await loop.shutDown()
        return try #require(failure as? WebSocketError)
    }

    private func check(_ error: WebSocketError, _ fault: Fault) {
        #expect(error.code == fault.code)
        #expect(error.stage == fault.stage)
        for words in fault.words { #expect(error.message.contains(words), "\(error.message)") }
        #expect(error.message.contains("127.0.0.1:"), "it does not name the server: \(error.message)")
        if fault.code == .connectionLost, fault.stage == .upgrade {
            #expect(error.message.hasSuffix(hint) == (fault.client == .plain), "\(error.message)")
        }
    }

    private let hint = "If this port expects TLS, connect with wss:."

    // MARK: - No connection

    @Test("A name without an address is an error of its resolution, and names it")
    func unknownHost() async throws {
        let error = try await failure(connectingTo: "wss://no-such-host.invalid/", port: 443)
        #expect(error.code == .nameResolutionFailed)
        #expect(error.stage == .nameResolution)
        #expect(error.message.hasPrefix("the host name \"no-such-host.invalid\" could not be resolved: "))
        #expect(error.message.hasSuffix("Is it spelt right, and does this machine's resolver work?"))
    }

    @Test(
        "A port on which nobody listens is an error that asks for server and port",
        arguments: ["127.0.0.1", "localhost"])
    func refused(host: String) async throws {
        let server = try FaultServer(scripts: [[]])
        server.stop()
        let error = try await failure(connectingTo: "ws://\(host):\(server.port)/", port: Int(server.port))
        #expect(error.code == .connectFailed)
        #expect(error.stage == .connect)
        #expect(
            error.message.hasPrefix(
                "no address of ws://\(host):\(server.port) accepted a connection; the last one tried, "))
        #expect(error.message.hasSuffix("Is the server running, and the port reachable?"))
        if SocketLoop.testsRunOnLibuv {
            #expect(error.message.contains("Connection refused"))
            #expect(error.errno == ECONNREFUSED)
        }
    }

    // MARK: - The end, at every stage

    static let ends: [Fault] = [
        Fault(
            name: "closed at once", script: [], code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        Fault(
            name: "closed after the request", script: [.readRequest], code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        Fault(
            name: "closed in the middle of the head",
            script: [.readRequest, .write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: web")],
            code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        Fault(
            name: "reset after the request", script: [.readRequest, .reset], code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        Fault(
            name: "closed instead of TLS", script: [.read(1)], client: .tls, code: .connectionLost, stage: .tls,
            words: ["closed the connection during the TLS handshake, without an alert"]),
        Fault(
            name: "reset instead of TLS", script: [.read(1), .reset], client: .tls, code: .connectionLost, stage: .tls,
            words: ["closed the connection during the TLS handshake, without an alert"]),
        Fault(
            name: "closed after TLS", script: [], server: .tls, client: .tls, code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        Fault(
            name: "closed after TLS and the request", script: [.readRequest], server: .tls, client: .tls,
            code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        Fault(
            name: "reset after TLS and the request", script: [.readRequest, .reset], server: .tls, client: .tls,
            code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
    ]

    @Test("A server that hangs up is an error of the stage at which it does", arguments: ends)
    func end(fault: Fault) async throws {
        check(try await failure(of: fault.script, server: fault.server, client: fault.client), fault)
    }

    // MARK: - Silence, at every stage

    /// With this, what should not be waited for must not be waited for.
    private static let patient = WebSocketConfiguration(connectTimeout: .seconds(86_400))
    private static let impatient = WebSocketConfiguration(connectTimeout: .milliseconds(200))

    @Test("A host that does not answer at all is given up at the deadline")
    func silentHost() async throws {
        let server = try FaultServer.neverAccepting()
        defer { server.stop() }
        // Its queue is full of connections of this process, so sockets to its port cannot tell what was left behind.
        let loop = SocketLoop.forTest()
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(to: server.url(), configuration: Self.impatient, on: loop)
        }
        #expect(error.code == .timedOut)
        #expect(error.stage == .connect)
        #expect(
            error.message
                == "it took longer than 0.2 seconds (connectTimeout) to connect to ws://127.0.0.1:\(server.port)")
        await loop.shutDown()
    }

    /// Waits for real: libwebsockets' clock cannot be replaced. Other tests run meanwhile.
    @Test("No deadline of libwebsockets' ends an attempt: its default for a TCP connection is 20 s")
    func longerThanTheLibraryWaits() async throws {
        let server = try FaultServer.neverAccepting()
        defer { server.stop() }
        let loop = SocketLoop.forTest()
        var configuration = Self.patient
        configuration.connectTimeout = .seconds(21)
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(to: server.url(), configuration: configuration, on: loop)
        }
        #expect(error.code == .timedOut)
        await loop.shutDown()
    }

    static let silences: [Fault] = [
        Fault(
            name: "silent instead of TLS", script: [.stall], client: .tls, code: .timedOut, stage: .tls,
            words: ["to complete the TLS handshake with wss://127.0.0.1:"]),
        Fault(
            name: "silent in the middle of TLS", script: [.read(1), .write([0x16, 0x03, 0x03, 0x00]), .stall],
            client: .tls,
            code: .timedOut, stage: .tls, words: ["to complete the TLS handshake with wss://127.0.0.1:"]),
        Fault(
            name: "silent after the request", script: [.readRequest, .stall], code: .timedOut, stage: .upgrade,
            words: ["to get an answer to the upgrade request from ws://127.0.0.1:"]),
        Fault(
            name: "silent in the middle of the head", script: [.readRequest, .write("HTTP/1.1 101 Sw"), .stall],
            code: .timedOut, stage: .upgrade, words: ["to get an answer to the upgrade request from ws://127.0.0.1:"]),
        Fault(
            name: "silent after TLS and the request", script: [.readRequest, .stall], server: .tls, client: .tls,
            code: .timedOut, stage: .upgrade, words: ["to get an answer to the upgrade request from wss://127.0.0.1:"]),
    ]

    @Test("A server that falls silent is given up at the deadline, with the stage in the error", arguments: silences)
    func silence(fault: Fault) async throws {
        let error = try await failure(
            of: fault.script, server: fault.server, client: fault.client, configuration: Self.impatient)
        check(error, fault)
        #expect(error.message.hasPrefix("it took longer than 0.2 seconds (connectTimeout) to "))
    }

    @Test("A server that trickles its answer is stopped by the deadline all the same")
    func trickle() async throws {
        let head = Array("HTTP/1.1 101 Switching Protocols\r\nX: ".utf8) + [UInt8](repeating: 0x78, count: 10_000)
        let error = try await failure(
            of: [.readRequest, .writeSlowly(head, chunk: 1, pause: .milliseconds(5)), .stall],
            configuration: Self.impatient)
        #expect(error.code == .timedOut)
        #expect(error.stage == .upgrade)
        #expect(
            error.message.hasPrefix(
                "it took longer than 0.2 seconds (connectTimeout) to get an answer to the upgrade request from ws://"))
    }

    @Test("Stages have deadlines of their own when asked for, named in the text")
    func stageDeadlines() async throws {
        let tls = try await failure(
            of: [.stall], client: .tls, configuration: WebSocketConfiguration(tlsTimeout: .milliseconds(150)))
        #expect(tls.code == .timedOut)
        #expect(tls.stage == .tls)
        #expect(tls.message.hasPrefix("it took longer than 0.15 seconds (tlsTimeout) to complete the TLS handshake"))
        let upgrade = try await failure(
            of: [.readRequest, .stall], configuration: WebSocketConfiguration(upgradeTimeout: .milliseconds(150)))
        #expect(upgrade.code == .timedOut)
        #expect(upgrade.stage == .upgrade)
        #expect(upgrade.message.hasPrefix("it took longer than 0.15 seconds (upgradeTimeout) to get an answer"))
    }

    @Test("A refusal whose body does not end is reported with what came of it, when the deadline passes")
    func refusalWithoutEnd() async throws {
        let error = try await failure(
            of: [.readRequest, .write("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nhalf a bo"), .stall],
            configuration: Self.impatient)
        #expect(error.code == .upgradeRefused)
        #expect(error.message.contains(" refused the upgrade with status 503: try again later"))
        #expect(error.refusal?.status.code == 503)
        #expect(error.refusal.map { String(decoding: $0.body, as: UTF8.self) } == "half a bo")
    }

    // MARK: - Something else than a WebSocket server

    static let strangers: [Fault] = [
        Fault(
            name: "plain HTTP on the TLS port", script: [.read(1), .write("HTTP/1.1 400 Bad Request\r\n\r\n")],
            client: .tls,
            code: .tlsFailed, stage: .tls,
            words: ["does not speak TLS on this port. Is it the port of a plain ws:// server, or of another service?"]),
        Fault(
            name: "SSH on the TLS port", script: [.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")], client: .tls,
            code: .tlsFailed, stage: .tls,
            words: ["does not speak TLS on this port. Is it the port of a plain ws:// server, or of another service?"]),
        Fault(
            name: "SSH on the plain port, which hangs up",
            script: [.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), .readRequest],
            code: .invalidHandshake, stage: .upgrade, words: ["It is not HTTP: it begins with \"SSH-2.0"]),
        Fault(
            name: "SSH on the plain port, which waits", script: [.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), .stall],
            code: .invalidHandshake, stage: .upgrade, words: ["It is not HTTP: it begins with \"SSH-2.0"]),
        Fault(
            name: "binary noise", script: [.readRequest, .write([UInt8](repeating: 0xFE, count: 100)), .stall],
            code: .invalidHandshake, stage: .upgrade, words: ["It is not HTTP"]),
        Fault(
            name: "the request echoed",
            script: [.readRequest, .write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), .readUntilEnd],
            code: .invalidHandshake, stage: .upgrade, words: ["It is not HTTP: it begins with \"GET / HTTP/1.1"]),
        Fault(
            name: "one header of 300 KiB",
            script: [
                .readRequest,
                .write(
                    "HTTP/1.1 101 Switching Protocols\r\nX-Long: \(String(repeating: "x", count: 300 << 10))\r\n\r\n"),
                .readUntilEnd,
            ],
            code: .invalidHandshake, stage: .upgrade,
            words: ["to the upgrade request cannot be used. The head is larger than 262144 bytes"]),
        Fault(
            name: "headers without end",
            script: [
                .readRequest, .write("HTTP/1.1 101 Switching Protocols\r\n"), .flood(Array("X-More: y\r\n".utf8)),
            ],
            code: .invalidHandshake, stage: .upgrade,
            words: ["to the upgrade request cannot be used. The head "]),
        Fault(
            name: "a status line without end",
            script: [.readRequest, .write("HTTP/1.1 101 "), .flood(Array("Switching ".utf8))],
            code: .invalidHandshake, stage: .upgrade,
            words: ["to the upgrade request cannot be used. The head is larger than 262144 bytes"]),
    ]

    @Test("A server that does not speak the protocol fails with what it does instead", arguments: strangers)
    func stranger(fault: Fault) async throws {
        let error = try await failure(
            of: fault.script, server: fault.server, client: fault.client,
            configuration: fault.code == .timedOut ? Self.impatient : Self.patient)
        check(error, fault)
        if fault.client == .tls { #expect(error.tlsFailure?.reason == .notTLS) }
    }

    @Test("TLS on the plain port fails, whatever OpenSSL's alert looks like")
    func tlsOnPlainPort() async throws {
        let error = try await failure(of: [.readRequest, .stall], server: .tls, client: .plain)
        #expect(error.code == .invalidHandshake || error.code == .connectionLost)
        #expect(error.stage == .upgrade)
        #expect(error.message.hasSuffix(hint), "\(error.message)")
    }

    @Test(
        "A status that HTTP does not have is an error, not a trap",
        arguments: ["0", "99", "600", "1000", "99999", "-101", "1e2", "abc", ""])
    func impossibleStatus(status: String) async throws {
        let error = try await failure(
            of: [.readRequest, .write("HTTP/1.1 \(status) What\r\nContent-Length: 0\r\n\r\n"), .readUntilEnd],
            configuration: Self.patient)
        #expect(error.code == .invalidHandshake)
        #expect(error.stage == .upgrade)
        #expect(error.message.contains("The status is \"\(status)\", which is impossible"), "\(error.message)")
    }
}

import LibC
import HTTPTypes
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// The faults of a server, or of what is taken for one, before the connection is open: each has a typed error with a text
/// that says what happened, and leaves nothing behind.
@Suite("Servers that fail before the connection is open", .hangs) struct ConnectFaultTests {
    // MARK: - No connection

    @Test("A name without an address is an error of its resolution, and names it")
    func unknownHost() async throws {
        let error = try await ConnectFault.failure(connectingTo: "wss://no-such-host.invalid/", port: 443)
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
        let error = try await ConnectFault.failure(connectingTo: "ws://\(host):\(server.port)/", port: Int(server.port))
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

    static let ends: [ConnectFault] = [
        ConnectFault(
            name: "closed at once", script: [], code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        ConnectFault(
            name: "closed after the request", script: [.readRequest], code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        ConnectFault(
            name: "closed in the middle of the head",
            script: [.readRequest, .write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: web")],
            code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        ConnectFault(
            name: "reset after the request", script: [.readRequest, .reset], code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        ConnectFault(
            name: "closed instead of TLS", script: [.read(1)], client: .tls, code: .connectionLost, stage: .tls,
            words: ["closed the connection during the TLS handshake, without an alert"]),
        ConnectFault(
            name: "reset instead of TLS", script: [.read(1), .reset], client: .tls, code: .connectionLost, stage: .tls,
            words: ["closed the connection during the TLS handshake, without an alert"]),
        ConnectFault(
            name: "closed after TLS", script: [], server: .tls, client: .tls, code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        ConnectFault(
            name: "closed after TLS and the request", script: [.readRequest], server: .tls, client: .tls,
            code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
        ConnectFault(
            name: "reset after TLS and the request", script: [.readRequest, .reset], server: .tls, client: .tls,
            code: .connectionLost, stage: .upgrade,
            words: ["ended the connection before it answered the upgrade request"]),
    ]

    @Test("A server that hangs up is an error of the stage at which it does", arguments: ends)
    func end(fault: ConnectFault) async throws {
        fault.check(try await ConnectFault.failure(of: fault.script, server: fault.server, client: fault.client))
    }

    // MARK: - Silence, at every stage

    // MARK: - Silence, at every stage

    @Test("A host that does not answer at all is given up at the deadline")
    func silentHost() async throws {
        let server = try FaultServer.neverAccepting()
        defer { server.stop() }
        // Its queue is full of connections of this process, so sockets to its port cannot tell what was left behind.
        let loop = SocketLoop.forTest()
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(to: server.url(), configuration: ConnectFault.impatient, on: loop)
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
        var configuration = ConnectFault.patient
        configuration.connectTimeout = .seconds(21)
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(to: server.url(), configuration: configuration, on: loop)
        }
        #expect(error.code == .timedOut)
        await loop.shutDown()
    }

    static let silences: [ConnectFault] = [
        ConnectFault(
            name: "silent instead of TLS", script: [.stall], client: .tls, code: .timedOut, stage: .tls,
            words: ["to complete the TLS handshake with wss://127.0.0.1:"]),
        ConnectFault(
            name: "silent in the middle of TLS", script: [.read(1), .write([0x16, 0x03, 0x03, 0x00]), .stall],
            client: .tls,
            code: .timedOut, stage: .tls, words: ["to complete the TLS handshake with wss://127.0.0.1:"]),
        ConnectFault(
            name: "silent after the request", script: [.readRequest, .stall], code: .timedOut, stage: .upgrade,
            words: ["to get an answer to the upgrade request from ws://127.0.0.1:"]),
        ConnectFault(
            name: "silent in the middle of the head", script: [.readRequest, .write("HTTP/1.1 101 Sw"), .stall],
            code: .timedOut, stage: .upgrade, words: ["to get an answer to the upgrade request from ws://127.0.0.1:"]),
        ConnectFault(
            name: "silent after TLS and the request", script: [.readRequest, .stall], server: .tls, client: .tls,
            code: .timedOut, stage: .upgrade, words: ["to get an answer to the upgrade request from wss://127.0.0.1:"]),
    ]

    @Test("A server that falls silent is given up at the deadline, with the stage in the error", arguments: silences)
    func silence(fault: ConnectFault) async throws {
        let error = try await ConnectFault.failure(
            of: fault.script, server: fault.server, client: fault.client, configuration: ConnectFault.impatient)
        fault.check(error)
        #expect(error.message.hasPrefix("it took longer than 0.2 seconds (connectTimeout) to "))
    }

    @Test("A server that trickles its answer is stopped by the deadline all the same")
    func trickle() async throws {
        let head = Array("HTTP/1.1 101 Switching Protocols\r\nX: ".utf8) + [UInt8](repeating: 0x78, count: 10_000)
        let error = try await ConnectFault.failure(
            of: [.readRequest, .writeSlowly(head, chunk: 1, pause: .milliseconds(5)), .stall],
            configuration: ConnectFault.impatient)
        #expect(error.code == .timedOut)
        #expect(error.stage == .upgrade)
        #expect(
            error.message.hasPrefix(
                "it took longer than 0.2 seconds (connectTimeout) to get an answer to the upgrade request from ws://"))
    }

    @Test("Stages have deadlines of their own when asked for, named in the text")
    func stageDeadlines() async throws {
        let tls = try await ConnectFault.failure(
            of: [.stall], client: .tls, configuration: WebSocketConfiguration(tlsTimeout: .milliseconds(150)))
        #expect(tls.code == .timedOut)
        #expect(tls.stage == .tls)
        #expect(tls.message.hasPrefix("it took longer than 0.15 seconds (tlsTimeout) to complete the TLS handshake"))
        let upgrade = try await ConnectFault.failure(
            of: [.readRequest, .stall], configuration: WebSocketConfiguration(upgradeTimeout: .milliseconds(150)))
        #expect(upgrade.code == .timedOut)
        #expect(upgrade.stage == .upgrade)
        #expect(upgrade.message.hasPrefix("it took longer than 0.15 seconds (upgradeTimeout) to get an answer"))
    }

    @Test("A refusal whose body does not end is reported with what came of it, when the deadline passes")
    func refusalWithoutEnd() async throws {
        let error = try await ConnectFault.failure(
            of: [.readRequest, .write("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nhalf a bo"), .stall],
            configuration: ConnectFault.impatient)
        #expect(error.code == .upgradeRefused)
        #expect(error.message.contains(" refused the upgrade with status 503: try again later"))
        #expect(error.refusal?.status.code == 503)
        #expect(error.refusal.map { String(decoding: $0.body, as: UTF8.self) } == "half a bo")
    }
}

import HTTPTypes
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// The answers of an HTTP proxy to CONNECT, and the request that it gets. The server behind it is a second script, or
/// nobody.
@Suite("Answers of proxies", .hangs) struct ProxyFaultTests {
    private static let patient = WebSocketConfiguration(connectTimeout: .seconds(86_400))

    /// Connects through a proxy that follows `script`; the target is a server of its own, to see that nothing reaches it.
    private func failure(
        of script: [FaultServer.Step], kind: Proxy.Kind = .http, credentials: Proxy.Credentials? = nil,
        configuration: WebSocketConfiguration = patient, scheme: String = "ws"
    ) async throws -> (error: WebSocketError, request: FaultServer.Transcript, target: UInt16) {
        let proxy = try FaultServer(scripts: [script])
        let target = try FaultServer(scripts: [[.stall]])
        defer {
            proxy.stop()
            target.stop()
        }
        let loop = SocketLoop.forTest()
        var adjusted = configuration
        adjusted.proxy = .proxy(Proxy(kind, host: "127.0.0.1", port: Int(proxy.port), credentials: credentials))
        let configuration = adjusted
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocket.connect(
                to: "\(scheme)://127.0.0.1:\(target.port)/", configuration: configuration, on: loop)
        }
        #expect(OpenSockets.connected(to: Int(target.port)) == 0, "the target was reached past the proxy")
        await loop.shutDown()
        return (try #require(error), try await proxy.transcript(), target.port)
    }

    @Test(
        "Any 2xx makes the tunnel, however it comes: what follows is the server's",
        arguments: [
            ["HTTP/1.1 200 Connection established\r\n\r\n"], ["HTTP/1.0 200 OK\r\n\r\n"],
            ["HTTP/1.1 200\r\n\r\n"], ["HTTP/1.1 200 \r\n\r\n"], ["HTTP/1.1 204 No Content\r\nVia: x\r\n\r\n"],
            ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"],
            ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
            ["HTTP/1.1 20", "0 OK\r\nVia: x\r\n", "\r\n"], ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 299 Fine\n\n"],
        ])
    func tunnel(pieces: [String]) async throws {
        let answer = pieces.flatMap { [.write($0), .pause(.milliseconds(2))] as [FaultServer.Step] }
        let (error, request, target) = try await failure(
            of: [.readRequest] + answer + [
                // The opening handshake, which is at least that long.
                .read(120), .respond(status: 418, body: "the server's"), .readUntilEnd,
            ])
        #expect(request.requestLine == "CONNECT 127.0.0.1:\(target) HTTP/1.1")
        #expect(request.requestHeaders("Host") == ["127.0.0.1:\(target)"])
        #expect(request.received.starts(with: Array("GET / HTTP/1.1\r\nHost: 127.0.0.1:\(target)\r\n".utf8)))
        #expect(error.code == .upgradeRefused)
        #expect(error.stage == .upgrade)
        #expect(error.refusal?.status.code == 418)
        #expect(error.refusal?.body == Array("the server's".utf8))
    }

    @Test("A tunnel carries TLS with the server itself")
    func tunnelledTLS() async throws {
        let (error, request, _) = try await failure(
            of: [
                .readRequest, .write("HTTP/1.1 200 OK\r\n\r\n"), .read(5), .write("HTTP/1.1 400 Bad Request\r\n\r\n"),
            ],
            scheme: "wss")
        #expect(request.received.starts(with: [0x16, 0x03]), "no ClientHello")
        #expect(error.code == .tlsFailed)
        #expect(error.stage == .tls)
        #expect(error.tlsFailure?.reason == .notTLS)
    }

    @Test("A proxy's refusal shows its status, its headers and its body")
    func refusal() async throws {
        let (error, _, target) = try await failure(of: [
            .readRequest,
            .respond(
                status: 407, headers: [("Proxy-Authenticate", "Basic realm=\"lab\""), ("X-Squid-Error", "denied")],
                body: "who are you?"),
        ])
        #expect(error.code == .connectFailed)
        #expect(error.stage == .proxy)
        #expect(
            error.message.contains(
                "refused a connection to ws://127.0.0.1:\(target) with status 407: it wants credentials"))
        #expect(error.message.contains("Basic realm=\"lab\""))
        #expect(error.refusal?.status.code == 407)
        #expect(error.refusal?.headers[HTTPField.Name("X-Squid-Error")!] == "denied")
        #expect(error.refusal?.body == Array("who are you?".utf8))
    }

    @Test(
        "A refusal whose body does not end is reported with what came of it, when the deadline passes",
        arguments: ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n", ""])
    func refusalWithoutEnd(framing: String) async throws {
        let body = framing.hasPrefix("Transfer") ? "9\r\nwho are y" : "who are y"
        let (error, _, _) = try await failure(
            of: [
                .readRequest,
                .write("HTTP/1.1 407 X\r\nProxy-Authenticate: Basic realm=\"lab\"\r\n\(framing)\r\n\(body)"),
                .stall,
            ],
            configuration: WebSocketConfiguration(connectTimeout: .milliseconds(500)))
        #expect(error.code == .connectFailed)
        #expect(error.stage == .proxy)
        #expect(error.refusal?.status.code == 407)
        #expect(error.message.contains("Basic realm=\"lab\""))
    }

    @Test("A proxy that redirects is not followed")
    func redirect() async throws {
        var configuration = Self.patient
        configuration.redirects = .follow()
        let (error, _, _) = try await failure(
            of: [.readRequest, .respond(status: 302, headers: [("Location", "ws://127.0.0.1:1/")])],
            configuration: configuration)
        #expect(error.code == .connectFailed)
        #expect(error.stage == .proxy)
    }

    @Test("Credentials of any length are sent whole, and only to the proxy", arguments: [0, 92, 93, 94, 95, 96, 400])
    func credentials(length: Int) async throws {
        let credentials = Proxy.Credentials(user: "u", password: String(repeating: "p", count: length))
        let (error, request, _) = try await failure(
            of: [.readRequest, .respond(status: 407), .readUntilEnd], credentials: credentials)
        #expect(error.refusal?.status.code == 407)
        #expect(error.message.contains("it wants other credentials"))
        #expect(!error.message.contains("ppp"))
        let sent = request.requestHeaders("Proxy-Authorization")
        #expect(sent.count == 1)
        #expect(sent.first?.hasPrefix("Basic ") == true)
        #expect(sent.first?.utf8.count == 6 + (length + 2 + 2) / 3 * 4)
    }

    @Test(
        "A proxy that hangs up is to blame, not the server",
        arguments: [[], [.readRequest], [.readRequest, .reset]] as [[FaultServer.Step]])
    func end(script: [FaultServer.Step]) async throws {
        let (error, _, _) = try await failure(of: script)
        #expect(error.code == .connectFailed)
        #expect(error.stage == .proxy)
        #expect(error.message.contains("ended the connection before it had let one to"), "\(error.message)")
    }

    @Test("A proxy that is none is told apart at once")
    func stranger() async throws {
        let (error, _, _) = try await failure(of: [.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), .stall])
        #expect(error.code == .connectFailed)
        #expect(error.stage == .proxy)
        #expect(error.message.contains("It is not HTTP"), "\(error.message)")
    }

    // MARK: - SOCKS

    private static let bound: [UInt8] = [5, 0, 0, 1, 10, 0, 0, 1, 0, 80]

    @Test("A tunnel through SOCKS stands when the proxy says so, however its answers are cut", arguments: [1, 3, 100])
    func socks(chunk: Int) async throws {
        let (error, request, target) = try await failure(
            of: [
                .read(3), .writeSlowly([5, 0], chunk: chunk), .read(10), .writeSlowly(Self.bound, chunk: chunk),
                .read(120), .respond(status: 418, body: "the server's"), .readUntilEnd,
            ], kind: .socks5)
        #expect(
            request.received.starts(
                with: [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, UInt8(target >> 8), UInt8(target & 0xFF)]
                    + Array("GET / HTTP/1.1\r\n".utf8)))
        #expect(error.code == .upgradeRefused)
        #expect(error.refusal?.status.code == 418)
    }

    @Test("A SOCKS proxy gets the credentials that it asks for")
    func socksCredentials() async throws {
        let (error, request, _) = try await failure(
            of: [
                .read(4), .write([5, 2]), .read(5), .write([1, 0]), .read(10), .write(Self.bound), .read(120),
                .respond(status: 418), .readUntilEnd,
            ], kind: .socks5, credentials: Proxy.Credentials(user: "u", password: "p"))
        #expect(request.received.starts(with: [5, 2, 0, 2, 1, 1, UInt8(ascii: "u"), 1, UInt8(ascii: "p"), 5, 1, 0]))
        #expect(error.refusal?.status.code == 418)
    }

    @Test(
        "A SOCKS proxy that refuses, or is none, is told apart at once",
        arguments: [
            ([.read(3), .write([5, 0xFF]), .stall], "wants authentication"),
            ([.read(3), .write([5, 0]), .read(10), .write([5, 5]), .stall], "the server refused the connection"),
            (
                [.read(3), .write("HTTP/1.1 400 Bad Request\r\n\r\n"), .stall],
                "does not speak SOCKS5, but perhaps HTTP"
            ),
            ([.read(3)], "ended the connection before it had let one to"),
        ] as [([FaultServer.Step], String)])
    func socksRefusals(script: [FaultServer.Step], words: String) async throws {
        let (error, _, _) = try await failure(of: script, kind: .socks5)
        #expect(error.code == .connectFailed)
        #expect(error.stage == .proxy)
        #expect(error.message.contains(words), "\(error.message)")
    }
}

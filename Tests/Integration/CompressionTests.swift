import LibWebSockets
import Testing
import WebSocketTesting

/// permessage-deflate with a peer that is not ours: Python's `websockets`, over Python's zlib.
@Suite("Compression with Python's websockets", .needsEchoServer, .timeLimit(.minutes(10)))
struct CompressionTests {
    typealias Options = WebSocketCompression.DeflateOptions

    /// Stretches of noise and of repetition, so that a message compresses here and not there.
    private static let pool: [UInt8] = {
        var generator = SystemRandomNumberGenerator()
        var pool: [UInt8] = []
        while pool.count < 6 << 20 {
            for _ in 0..<4_000 { withUnsafeBytes(of: generator.next()) { pool.append(contentsOf: $0) } }
            pool.append(contentsOf: repeatElement(Array("{\"id\":".utf8), count: 8_000).joined())
        }
        return pool
    }()

    /// - Parameter largestExponent: Sizes are up to 2 to the power of this, most of them much smaller.
    private static func randomMessage(largestExponent: Int) -> ArraySlice<UInt8> {
        let size = Int.random(in: 0...(1 << Int.random(in: 0...largestExponent)))
        let start = Int.random(in: 0...(pool.count - size))
        return pool[start..<(start + size)]
    }

    /// Sends the messages, every other one in pieces, and compares each with its echo.
    private func echo(_ messages: [ArraySlice<UInt8>], over socket: WebSocket) async throws {
        async let sending: Void = {
            for (number, message) in messages.enumerated() {
                guard number % 2 == 1 else {
                    try await socket.send(message)
                    continue
                }
                try await socket.sendMessage(.binary) { writer in
                    var rest = message
                    while !rest.isEmpty {
                        let count = Int.random(in: 1...1 << 19)
                        try await writer.write(rest.prefix(count))
                        rest = rest.dropFirst(count)
                    }
                }
            }
        }()
        var intact = 0
        for try await echo in socket.messages {
            guard echo.payload == messages[intact] else { break }
            intact += 1
            if intact == messages.count { break }
        }
        #expect(intact == messages.count)
        try await sending
    }

    @Test("1,000 messages of random sizes up to 4 MiB come back intact over wss, through fragments and deflate")
    func thousandMessages() async throws {
        let authority = try CertificateAuthority()
        let options = EchoServerOptions(certificate: try authority.issue(names: ["localhost"]), fragmentSize: 300_000)
        try await withEchoServer(options) { server in
            let socket = try await WebSocket.connect(
                to: server.url(scheme: "wss"),
                configuration: .init(
                    tls: TLSConfiguration(trustRoots: .memory(authority.certificatePEM)),
                    compression: .deflate(Options(level: 1))))
            #expect(
                socket.handshake.extensions.map(\.description) == [
                    "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
                ])
            var messages = (0..<998).map { _ in Self.randomMessage(largestExponent: 22) }
            messages += [Self.pool[..<(4 << 20)], []]
            try await echo(messages, over: socket)
            await socket.close()
        }
    }

    @Test(
        "Whatever is agreed on, messages come back intact",
        arguments: [
            (.automatic, "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"),
            (
                .deflate(Options(windowBits: 9, peerWindowBits: 9, threshold: 0)),
                "permessage-deflate; server_max_window_bits=9; client_max_window_bits=12"
            ),
            (
                .deflate(Options(contextTakeover: false, peerContextTakeover: false, threshold: 0)),
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                    + "server_max_window_bits=12; client_max_window_bits=12"
            ),
            (
                .deflate(Options(level: 9, memoryLevel: 9, windowBits: 15, peerContextTakeover: false)),
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits=12"
            ),
            (.disabled, nil),
        ] as [(WebSocketCompression, String?)])
    func agreements(compression: WebSocketCompression, agreed: String?) async throws {
        try await withEchoServer { server in
            let socket = try await WebSocket.connect(
                to: server.url(scheme: "ws"), configuration: .init(compression: compression))
            #expect(socket.handshake.extensions.map(\.description) == (agreed.map { [$0] } ?? []))
            try await echo((0..<100).map { _ in Self.randomMessage(largestExponent: 17) }, over: socket)
            try await socket.send("grüß 🙂")
            try await socket.send("")
            var texts: [String?] = []
            for try await message in socket.messages {
                texts.append(message.text)
                if texts.count == 2 { break }
            }
            #expect(texts == ["grüß 🙂", ""])
            await socket.close()
        }
    }

    @Test("A server that declines compression is served without")
    func declined() async throws {
        try await withEchoServer(EchoServerOptions(compression: false)) { server in
            let socket = try await WebSocket.connect(to: server.url(scheme: "ws"))
            #expect(socket.handshake.extensions == [])
            try await echo((0..<20).map { _ in Self.randomMessage(largestExponent: 12) }, over: socket)
            await socket.close()
        }
    }
}

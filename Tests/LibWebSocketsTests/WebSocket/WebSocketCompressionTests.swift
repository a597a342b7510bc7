import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.hangs) struct WebSocketCompressionTests {
    typealias Options = WebSocketCompression.DeflateOptions

    private static let text = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 100)
    private static let accepting = WebSocketServer.Configuration(compression: .automatic)

    // MARK: - Agreement

    @Test(
        "A client offers permessage-deflate by default; a server accepts it when told to", arguments: Security.allCases)
    func agreement(security: Security) async throws {
        try await withServer(security, configuration: Self.accepting) { pair in
            let (client, server) = try await pair.connectPair()
            let agreed = "permessage-deflate; server_max_window_bits=12"
            #expect(client.handshake.extensions.map(\.description) == [agreed])
            #expect(server.handshake.extensions.map(\.description) == [agreed])
            for (sender, receiver) in [(client, server), (server, client)] {
                try await sender.send(Self.text)
                #expect(try await receiver.receive(1) == [.text(Self.text)])
                #expect(receiver.statistics.networkBytesReceived < 200)
                #expect(receiver.statistics.bytesReceived == Self.text.utf8.count)
                #expect(sender.statistics.bytesSent == Self.text.utf8.count)
            }
        }
    }

    @Test(
        "Messages go as they are when one side does not want compression",
        arguments: [
            (.automatic, .disabled), (.disabled, .automatic), (.disabled, .disabled),
        ] as [(WebSocketCompression, WebSocketCompression)])
    func noAgreement(client: WebSocketCompression, server: WebSocketCompression) async throws {
        try await withServer(configuration: .init(compression: server), client: .init(compression: client)) { pair in
            let (client, server) = try await pair.connectPair()
            #expect(client.handshake.extensions == [])
            #expect(server.handshake.extensions == [])
            for (sender, receiver) in [(client, server), (server, client)] {
                try await sender.send(Self.text)
                #expect(try await receiver.receive(1) == [.text(Self.text)])
                #expect(receiver.statistics.networkBytesReceived > UInt64(Self.text.utf8.count))
            }
        }
    }

    @Test(
        "Whatever is agreed on, messages arrive as they were, in both directions",
        arguments: [
            (Options(), Options(), "permessage-deflate; server_max_window_bits=12"),
            (
                Options(windowBits: 9, peerWindowBits: 9, threshold: 0), Options(threshold: 0),
                "permessage-deflate; server_max_window_bits=9"
            ),
            (
                Options(threshold: 0), Options(windowBits: 15, peerWindowBits: 9, threshold: 0),
                "permessage-deflate; client_max_window_bits=9"
            ),
            (
                Options(contextTakeover: false, peerContextTakeover: false), Options(windowBits: 15),
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            ),
            (
                Options(level: 9, memoryLevel: 9, windowBits: 15),
                Options(level: 1, memoryLevel: 1, windowBits: 15, contextTakeover: false),
                "permessage-deflate; server_no_context_takeover"
            ),
        ])
    func options(client: Options, server: Options, agreed: String) async throws {
        let messages: [WebSocketMessage] = [
            .text(""), .text("short"), .text(Self.text), .binary([]), .binary(repeatElement(0, count: 300_000)),
            .text(Self.text), .binary((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }), .text("grüß 🙂"),
        ]
        try await withServer(
            configuration: .init(compression: .deflate(server)), client: .init(compression: .deflate(client)),
            handler: ServerPair.echo
        ) { pair in
            let socket = try await pair.connect()
            #expect(socket.handshake.extensions.map(\.description) == [agreed])
            for message in messages { try await socket.send(message) }
            let isIntact = try await socket.receive(messages.count) == messages
            #expect(isIntact)
        }
    }

    @Test("Options that zlib cannot follow are refused before anything is sent")
    func invalidOptions() async throws {
        let compression = WebSocketCompression.deflate(Options(windowBits: 8))
        let text = "compression: windowBits is 8, but must be from 9 to 15"
        let error = #expect(throws: WebSocketError.self) {
            try WebSocket.validate("ws://localhost", configuration: .init(compression: compression))
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message == text)
        let serverError = await #expect(throws: WebSocketError.self) {
            _ = try await WebSocketServer.start(configuration: .init(compression: compression)) { _, _ in }
        }
        #expect(serverError?.message == text)
    }

    // MARK: - What is compressed

    @Test("Messages below the threshold go as they are, and do not disturb the others")
    func threshold() async throws {
        let compression = WebSocketCompression.deflate(Options(threshold: 1_000))
        try await withServer(configuration: .init(compression: compression), client: .init(compression: compression)) {
            pair in
            let (client, server) = try await pair.connectPair()
            for size in [999, 1_000, 999, 1_000] {
                let before = server.statistics.networkBytesReceived
                try await client.send([UInt8](repeating: 7, count: size))
                #expect(try await server.receive(1) == [.binary(repeatElement(7, count: size))])
                #expect((server.statistics.networkBytesReceived - before < 100) == (size >= 1_000))
            }
        }
    }

    @Test(
        "A message sent in pieces is compressed piece by piece, each on its way at once", arguments: Security.allCases)
    func pieces(security: Security) async throws {
        try await withServer(security, configuration: Self.accepting) { pair in
            let (client, server) = try await pair.connectPair()
            try await client.sendMessage(.text) { writer in
                for _ in 0..<3 {
                    let before = server.statistics.networkBytesReceived
                    try await writer.write(Self.text)
                    try await eventually { server.statistics.networkBytesReceived > before }
                    try await writer.write("")
                }
            }
            try await client.sendMessage(.binary) { _ in }
            try await client.send(Self.text)
            let expected: [WebSocketMessage] = [
                .text(Self.text + Self.text + Self.text), .binary([]), .text(Self.text),
            ]
            #expect(try await server.receive(3) == expected)
            #expect(server.statistics.networkBytesReceived < 500)
            #expect(client.statistics.bytesSent == 4 * Self.text.utf8.count)
        }
    }

    @Test("Several tasks may send at once, whole messages and pieces: the peer's context follows")
    func concurrentSenders() async throws {
        try await withServer(configuration: Self.accepting, handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            async let received = socket.receive(8 * 60)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sender in 0..<8 {
                    group.addTask {
                        for number in 0..<60 {
                            // Of very different lengths: some below the threshold.
                            let padding = String(repeating: "\(number * sender) ", count: number * 20)
                            if number % 3 == 2 {
                                try await socket.sendMessage(.text) { writer in
                                    try await writer.write("\(sender) \(number)|")
                                    try await writer.write(padding)
                                }
                            } else {
                                try await socket.send("\(sender) \(number)|" + padding)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            var next = [Int](repeating: 0, count: 8)
            for message in try await received {
                let text = message.text ?? ""
                let parts = text.prefix { $0 != "|" }.split(separator: " ").compactMap { Int($0) }
                try #require(parts.count == 2)
                #expect(parts[1] == next[parts[0]])
                let padding = String(repeating: "\(parts[1] * parts[0]) ", count: parts[1] * 20)
                let isWhole = text == "\(parts[0]) \(parts[1])|" + padding
                #expect(isWhole)
                next[parts[0]] += 1
            }
            #expect(next == [Int](repeating: 60, count: 8))
        }
    }

    @Test("Messages of random sizes up to 4 MiB, whole and in pieces, come back intact", arguments: Security.allCases)
    func randomSizes(security: Security) async throws {
        var generator = SystemRandomNumberGenerator()
        // Stretches of noise and of repetition, so that it compresses here and not there.
        var pool: [UInt8] = []
        while pool.count < 6 << 20 {
            for _ in 0..<4_000 { withUnsafeBytes(of: generator.next()) { pool.append(contentsOf: $0) } }
            pool.append(contentsOf: repeatElement(Array("{\"id\":".utf8), count: 8_000).joined())
        }
        let sizes = [4 << 20] + (0..<16).map { _ in Int.random(in: 0...(1 << Int.random(in: 0...20))) }
        let messages = sizes.map { size in
            let start = Int.random(in: 0...(pool.count - size))
            return pool[start..<(start + size)]
        }
        let compression = WebSocketCompression.deflate(Options(level: 1))
        try await withServer(
            security, configuration: .init(compression: compression), client: .init(compression: compression),
            handler: ServerPair.echo
        ) { pair in
            let socket = try await pair.connect()
            async let sending: Void = {
                for (number, message) in messages.enumerated() {
                    guard number % 2 == 1 else {
                        try await socket.send(message)
                        continue
                    }
                    try await socket.sendMessage(.binary) { writer in
                        var rest = message
                        while !rest.isEmpty {
                            let count = Int.random(in: 1...300_000)
                            try await writer.write(rest.prefix(count))
                            rest = rest.dropFirst(count)
                        }
                    }
                }
            }()
            let received = try await socket.receive(messages.count)
            try await sending
            for (message, echo) in zip(messages, received) {
                let isIntact = message == echo.payload
                #expect(isIntact, "\(message.count) bytes")
            }
        }
    }

    // MARK: - Peers that do it in their own way

    @Test("A peer may mix compressed and plain messages, fragments, pings and final blocks")
    func mixture() async throws {
        let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        let frames: [FaultServer.Frame] = [
            .init(opcode: 1, payload: hello, reservedBits: 4), .text("plain"),
            .init(opcode: 1, payload: Array(hello[..<3]), isFinal: false, reservedBits: 4), .ping(),
            .continuation(Array(hello[3...])),
            .init(opcode: 1, payload: [0xF2, 0x00, 0x11, 0x00, 0x00], reservedBits: 4),
            .init(opcode: 2, payload: [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], reservedBits: 4),
            .init(opcode: 2, payload: [0x00], reservedBits: 4),
        ]
        let script: [FaultServer.Step] = [
            .upgrade(.init(headers: [("Sec-WebSocket-Extensions", "permessage-deflate")])),
            .write(frames.flatMap(\.bytes)), .readClose,
        ]
        try await withFaultServer(script) { _, socket in
            let expected: [WebSocketMessage] = [
                .text("Hello"), .text("plain"), .text("Hello"), .text("Hello"), .binary("Hello".utf8), .binary([]),
            ]
            let received = try await socket.receive(expected.count)
            #expect(received == expected)
        }
    }

    @Test("A client that may only use a window too small for zlib sends its messages as they are")
    func tinyWindow() async throws {
        let answer = [(name: "Sec-WebSocket-Extensions", value: "permessage-deflate; client_max_window_bits=8")]
        try await withFaultServer([.upgrade(.init(headers: answer)), .readFrames(1), .readClose]) { server, socket in
            try await socket.send(Self.text)
            await socket.close()
            let frame = try #require(try await server.transcript().frames.first)
            #expect(frame.reservedBits == 0)
            #expect(frame.payload == Array(Self.text.utf8))
        }
    }
}

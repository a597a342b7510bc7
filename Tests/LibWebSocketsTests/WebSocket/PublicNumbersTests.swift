import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Every number and duration of the public API, at its extremes: clamped or refused as documented, and never a trap.
@Suite("Public numbers at their extremes", .hangs) struct PublicNumbersTests {
    /// The largest, what is near 64 bits of seconds, and what is as good as nothing.
    static let longDurations: [Duration] = [
        .seconds(Int64.max) * 18, .seconds(Int64.max), .seconds(3_155_760_001), .seconds(86_400),
    ]
    static let noDurations: [Duration] = [
        .zero, .nanoseconds(-1), .seconds(Int64.min), .seconds(Int64.max) * -18,
    ]

    typealias DurationOption = (name: String, set: @Sendable (inout WebSocketConfiguration, Duration) -> Void)

    static let timeouts: [DurationOption] = [
        ("connectTimeout", { $0.connectTimeout = $1 }), ("tlsTimeout", { $0.tlsTimeout = $1 }),
        ("upgradeTimeout", { $0.upgradeTimeout = $1 }), ("closeTimeout", { $0.closeTimeout = $1 }),
    ]

    @Test("However long a deadline is, connections are made and closed", arguments: timeouts.indices)
    func longTimeouts(index: Int) async throws {
        try await withServer(.tls) { pair in
            for duration in Self.longDurations {
                var configuration = pair.configuration
                Self.timeouts[index].set(&configuration, duration)
                let client = try await pair.connect(configuration: configuration)
                #expect(await client.close().isClean)
            }
        }
    }

    @Test("A deadline that leaves no time is refused by name", arguments: timeouts.indices)
    func noTimeouts(index: Int) throws {
        for duration in Self.noDurations {
            var configuration = WebSocketConfiguration()
            Self.timeouts[index].set(&configuration, duration)
            let error = try #require(throws: WebSocketError.self) { try configuration.validate() }
            #expect(error.code == .invalidConfiguration)
            #expect(error.message == "\(Self.timeouts[index].name) is \(duration), but must be longer than zero")
        }
    }

    @Test("However long a server's deadlines and large its limits are, it serves", arguments: longDurations)
    func servers(duration: Duration) async throws {
        let configuration = WebSocketServer.Configuration(
            maximumMessageSize: .max, receiveBufferSize: .max, sendBufferSize: .max, handshakeTimeout: duration,
            closeTimeout: duration)
        let client = WebSocketConfiguration(
            maximumMessageSize: .max, receiveBufferSize: .max, sendBufferSize: .max)
        try await withServer(configuration: configuration, client: client, handler: ServerPair.echo) { pair in
            let client = try await pair.connect()
            try await client.send("echo")
            #expect(try await client.receive(1) == [.text("echo")])
            #expect(await client.close().isClean)
        }
    }

    @Test("A deadline at any distance can be set and cancelled", arguments: longDurations + noDurations)
    func deadlines(duration: Duration) async throws {
        let loop = SocketLoop.forTest()
        let hasPassed = Relay<Bool>()
        try loop.submit { core in
            let id = core.schedule(after: duration) { hasPassed.give(true) }
            guard duration > .zero else { return }
            _ = core.schedule(after: .milliseconds(1)) {
                core.cancel(id)
                hasPassed.give(false)
            }
        }
        #expect(try await hasPassed.take() == (duration <= .zero))
        await loop.shutDown()
    }

    @Test("A group has from one loop to its maximum", arguments: [Int.min, -1, 0, 1, 3, .max])
    func socketLoopGroups(count: Int) async {
        let group = SocketLoopGroup(count: count)
        #expect(group.loops.count == min(max(count, 1), SocketLoopGroup.maximumCount))
        await group.shutDown()
    }

    @Test("Any limit on redirects is one", arguments: [Int.min, -1, 0, 1, .max])
    func redirects(limit: Int) async throws {
        try await withServer { pair in
            let location = pair.server.url
            try await FaultServer.withServer(
                [.readRequest, .respond(status: 302, headers: [("Location", location)])]
            ) { redirecting in
                // Between two hops the task waits for a thread: while all tests run at once that may take its time.
                let configuration = WebSocketConfiguration(
                    connectTimeout: .seconds(600), redirects: .follow(limit: limit))
                do {
                    let socket = try await WebSocket.connect(
                        to: redirecting.url(), configuration: configuration, on: pair.clientLoop)
                    #expect(limit > 0)
                    socket.abort()
                } catch let error as WebSocketError {
                    #expect(limit <= 0)
                    #expect(error.code == .upgradeRefused)
                }
            }
        }
    }

    @Test("A port that is none is refused", arguments: [Int.min, -1, 0, 65_536, .max])
    func ports(port: Int) async throws {
        let proxy = WebSocketConfiguration(proxy: .proxy(Proxy(host: "127.0.0.1", port: port)))
        let error = await #expect(throws: WebSocketError.self) {
            _ = try await WebSocket.connect(to: "ws://127.0.0.1:1", configuration: proxy)
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(throws: InvalidEndpoint.self) { try Endpoint(base: "http://127.0.0.1", port: port) }
        guard port != 0 else { return }
        let loop = SocketLoop.forTest()
        let serverError = await #expect(throws: WebSocketError.self) {
            _ = try await WebSocketServer.start(configuration: .init(port: port), on: loop) { _, _ in }
        }
        #expect(serverError?.code == .invalidConfiguration)
        await loop.shutDown()
    }

    typealias CompressionOption = any WritableKeyPath<WebSocketCompression.DeflateOptions, Int> & Sendable

    static let compressionOptions: [CompressionOption] = [
        \.level, \.memoryLevel, \.windowBits, \.peerWindowBits, \.threshold,
    ]

    @Test("An option of compression that zlib does not know is refused", arguments: [Int.min, -1, .max])
    func compression(value: Int) async throws {
        for option in Self.compressionOptions where option != \.threshold || value < 0 {
            var options = WebSocketCompression.DeflateOptions()
            options[keyPath: option] = value
            let configuration = WebSocketConfiguration(compression: .deflate(options))
            let error = try #require(throws: WebSocketError.self) { try configuration.validate() }
            #expect(error.code == .invalidConfiguration)
        }
    }
}

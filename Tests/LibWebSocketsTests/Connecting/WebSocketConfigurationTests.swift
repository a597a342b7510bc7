import Testing

@testable import LibWebSockets

@Suite struct WebSocketConfigurationTests {
    @Test("The defaults are the documented ones, and valid")
    func defaults() throws {
        let configuration = WebSocketConfiguration()
        try configuration.validate()
        #expect(configuration.headers.isEmpty)
        #expect(configuration.subprotocols.isEmpty)
        #expect(configuration.tls == TLSClientConfiguration())
        #expect(configuration.compression == .automatic)
        #expect(configuration.maximumMessageSize == 16 << 20)
        #expect(configuration.receiveBufferSize == 1 << 20)
        #expect(configuration.sendBufferSize == 1 << 20)
        #expect(configuration.connectTimeout == .seconds(10))
        #expect(configuration.closeTimeout == .seconds(5))
    }

    typealias SizeOption = any WritableKeyPath<WebSocketConfiguration, Int> & Sendable
    typealias DurationOption = any WritableKeyPath<WebSocketConfiguration, Duration> & Sendable

    static let sizes: [(String, SizeOption)] = [
        ("maximumMessageSize", \.maximumMessageSize), ("receiveBufferSize", \.receiveBufferSize),
        ("sendBufferSize", \.sendBufferSize),
    ]

    @Test("A size below one byte is refused by name, one byte is not", arguments: sizes)
    func refusedSizes(name: String, option: SizeOption) throws {
        for value in [0, -1, Int.min] {
            var configuration = WebSocketConfiguration()
            configuration[keyPath: option] = value
            let error = try #require(throws: WebSocketError.self) { try configuration.validate() }
            #expect(error.code == .invalidConfiguration)
            #expect(error.stage == .configuration)
            #expect(error.message == "\(name) is \(value), but must be at least 1 byte")
        }
        var configuration = WebSocketConfiguration()
        for value in [1, Int.max] {
            configuration[keyPath: option] = value
            try configuration.validate()
        }
    }

    @Test("A server refuses the same sizes and times as a client", arguments: [0, -1])
    func server(value: Int) async throws {
        typealias Configuration = WebSocketServer.Configuration
        let configurations = [
            ("maximumMessageSize", Configuration(maximumMessageSize: value)),
            ("receiveBufferSize", Configuration(receiveBufferSize: value)),
            ("sendBufferSize", Configuration(sendBufferSize: value)),
            ("closeTimeout", Configuration(closeTimeout: .seconds(value))),
            ("handshakeTimeout", Configuration(handshakeTimeout: .seconds(value))),
        ]
        for (name, configuration) in configurations {
            let error = try await #require(throws: WebSocketError.self) {
                let server = try await WebSocketServer.start(configuration: configuration) { _, _ in }
                await server.kill()
            }
            #expect(error.code == .invalidConfiguration)
            #expect(error.stage == .configuration)
            #expect(error.message.hasPrefix("\(name) is \(value)"))
        }
    }

    static let durations: [(String, DurationOption)] = [
        ("connectTimeout", \.connectTimeout), ("closeTimeout", \.closeTimeout),
    ]

    @Test("A deadline that leaves no time is refused by name", arguments: durations)
    func refusedDurations(name: String, option: DurationOption) throws {
        for value in [Duration.zero, .milliseconds(-1)] {
            var configuration = WebSocketConfiguration()
            configuration[keyPath: option] = value
            let error = try #require(throws: WebSocketError.self) { try configuration.validate() }
            #expect(error.code == .invalidConfiguration)
            #expect(error.message == "\(name) is \(value), but must be longer than zero")
        }
        var configuration = WebSocketConfiguration()
        for value in [Duration.nanoseconds(1), .seconds(Int64.max)] {
            configuration[keyPath: option] = value
            try configuration.validate()
        }
    }

    @Test("A proxy that is set is not passed by for a Unix socket: both together are refused")
    func unixSocketAndProxy() throws {
        var configuration = WebSocketConfiguration(
            proxy: .proxy(Proxy(host: "proxy.test", port: 3128)), unixSocketPath: "/run/feed.sock")
        let error = try #require(throws: WebSocketError.self) { try configuration.validate() }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.contains("no proxy leads to the Unix socket \"/run/feed.sock\""))
        for proxy in [ProxySelection.none, .fromEnvironment] {
            configuration.proxy = proxy
            try configuration.validate()
        }
    }
}

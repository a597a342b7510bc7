import LibC
import Logging
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.hangs) struct ServerListenerTests {
    /// A client that waits for its turn, however busy the machine is.
    private static let patient = WebSocketConfiguration(connectTimeout: .seconds(600))

    @Test("A server whose listening socket failed serves on, and stops as any other")
    func stopsAfterListeningSocketFailed() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let client = try await pair.connect()
            let descriptor = try #require(OpenSockets.listening(on: pair.server.port))
            // Its end is a hang-up, as from a socket that the system has taken away.
            #expect(shutdown(descriptor, CInt(SHUT_RDWR)) == 0)
            try await eventually { OpenSockets.listening(on: pair.server.port) == nil }
            try await client.send("still served")
            #expect(try await client.receive(1) == [.text("still served")])
            await pair.server.stop()
            #expect(try await client.closed().code == .goingAway)
        }
    }

    @Test(
        "With connectionLimit open, further clients wait until one goes, and a line says so",
        arguments: Security.allCases)
    func connectionLimit(security: Security) async throws {
        let lines = LogLines()
        let configuration = WebSocketServer.Configuration(connectionLimit: 2, logger: lines.logger())
        try await withServer(security, configuration: configuration, client: Self.patient, handler: ServerPair.echo) {
            pair in
            let first = try await pair.connect()
            let second = try await pair.connect()
            async let third = pair.connect()
            try await eventually { lines.all.contains { $0.contains("connectionLimit") } }
            try await second.send("served")
            #expect(try await second.receive(1) == [.text("served")])
            #expect(pair.server.connectionCount == 2)
            await first.close()
            let last = try await third
            try await last.send("at last")
            #expect(try await last.receive(1) == [.text("at last")])
        }
    }

    @Test("With handshakeLimit handshakes under way, further clients wait until one ends", arguments: [true, false])
    func handshakeLimit(completes: Bool) async throws {
        let lines = LogLines()
        let configuration = WebSocketServer.Configuration(
            handshakeLimit: 2, handshakeTimeout: .seconds(86_400), logger: lines.logger())
        try await withServer(configuration: configuration, client: Self.patient, handler: ServerPair.echo) { pair in
            var silent: [RawClient] = [try RawClient(port: pair.server.port), try RawClient(port: pair.server.port)]
            async let third = pair.connect()
            try await eventually { lines.all.contains { $0.contains("handshakeLimit") } }
            #expect(pair.server.connectionCount == 0)
            if completes { try await silent[0].upgrade() } else { silent.removeLast() }
            let socket = try await third
            try await socket.send("at last")
            #expect(try await socket.receive(1) == [.text("at last")])
        }
    }

    @Test("A client that was refused counts as a handshake for as long as it keeps its connection")
    func refusedClients() async throws {
        let lines = LogLines()
        let configuration = WebSocketServer.Configuration(handshakeLimit: 2, logger: lines.logger())
        try await withServer(configuration: configuration, client: Self.patient, handler: ServerPair.echo) { pair in
            // It counts for as long as the server waits for its end, which a busy machine may not be in time for.
            for _ in 0..<100 where !lines.all.contains(where: { $0.contains("handshakeLimit") }) {
                var refused: [RawClient] = []
                for _ in 0..<2 {
                    let client = try RawClient(port: pair.server.port)
                    try await client.write("GET / HTTP/1.0\r\n\r\n")
                    let answer = String(decoding: try await client.readToEnd(), as: UTF8.self)
                    #expect(answer.hasPrefix("HTTP/1.1 505 "))
                    refused.append(client)
                }
                let third = try await pair.connect()
                await third.close()
                withExtendedLifetime(refused) {}
            }
            #expect(lines.all.contains { $0.contains("handshakeLimit") })
        }
    }

    @Test("A limit below one is refused", arguments: [Int.min, -1, 0])
    func limits(value: Int) async throws {
        for configuration in [
            WebSocketServer.Configuration(connectionLimit: value), WebSocketServer.Configuration(handshakeLimit: value),
        ] {
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocketServer.start(configuration: configuration) { _, _ in }
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("Limit is \(value), but must be at least 1") == true)
        }
    }

    @Test("A client that comes in the moment of stop() is not accepted")
    func stopsFirst() async throws {
        let loop = SocketLoop.forTest()
        let configuration = WebSocketServer.Configuration(handshakeTimeout: .seconds(86_400))
        let listener = try await loop.run { core in
            Result {
                Reference(
                    listener: try ServerListener(core: core, configuration: configuration, tls: nil, socketLoop: loop) {
                        _ in
                    })
            }
        }.get().listener
        let release = await loop.occupy()
        let client = try RawClient(port: listener.port)
        let reference = Reference(listener: listener)
        let isClosed = Counter()
        // Deadlines come behind the events of a turn, and so behind the client.
        try loop.submit { core in
            _ = core.schedule(after: .zero) { reference.listener.close { isClosed.increment() } }
        }
        release()
        try await eventually { isClosed.value == 1 }
        // Refused by the system, for nobody has accepted it.
        do {
            #expect(try await client.readToEnd() == [])
        } catch let failure as SystemCallFailure {
            #expect(failure.errno == ECONNRESET)
        }
        await loop.shutDown()
    }

    /// Only the loop uses it.
    private struct Reference: @unchecked Sendable {
        let listener: ServerListener
    }

    @Test("A server cannot be started on a loop that has been shut down")
    func loopIsShutDown() async throws {
        let loop = SocketLoop.forTest()
        try loop.submit { _ in }
        await loop.shutDown()
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocketServer.start(on: loop) { _, _ in }
        }
        #expect(error?.code == .loopShutDown)
    }

    @Test("A connection that has ended counts until its handler has returned, and for nothing else")
    func handlersThatStay() async throws {
        let configuration = WebSocketServer.Configuration(connectionLimit: 2)
        let (stay, leave) = AsyncStream<Void>.makeStream()
        let begun = Counter()
        try await withServer(
            configuration: configuration, client: Self.patient,
            handler: { socket, _ in
                begun.increment()
                // Looks at no message and at no end, as one that only ever sends.
                for await _ in stay {}
                for try await message in socket.messages { try await socket.send(message) }
            }
        ) { pair in
            for _ in 0..<2 { try await pair.connect().abort() }
            try await eventually { pair.server.connectionCount == 0 }
            #expect(pair.server.broadcast(.text("nobody")) == 0)
            try await eventually { begun.value == 2 }
            async let third = pair.connect()
            #expect(try await standstill { begun.value } == 2)
            #expect(pair.server.connectionCount == 0)
            leave.finish()
            let socket = try await third
            try await socket.send("at last")
            #expect(try await socket.receive(1) == [.text("at last")])
        }
    }
}

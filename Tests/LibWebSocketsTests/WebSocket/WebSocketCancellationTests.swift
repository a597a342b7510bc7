import Dispatch
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Cancelling a task that waits in any call ends the call and leaves nothing behind.
@Suite(.hangs) struct WebSocketCancellationTests {
    /// No deadline of the library's may be what ends a call here.
    private static let patient = WebSocketConfiguration(
        sendBufferSize: 64 << 10, connectTimeout: .seconds(86_400), closeTimeout: .seconds(86_400))

    struct Silence: Sendable, CustomTestStringConvertible {
        let name: String
        let script: [FaultServer.Step]
        var server = Security.plain
        var client = Security.plain

        var testDescription: String { name }
    }

    static let silences = [
        Silence(name: "before TLS", script: [.stall], client: .tls),
        Silence(name: "in the middle of TLS", script: [.read(1), .write([0x16, 0x03]), .stall], client: .tls),
        Silence(name: "before the answer", script: [.readRequest, .stall]),
        Silence(name: "in the middle of the answer", script: [.readRequest, .write("HTTP/1.1 101 S"), .stall]),
        Silence(name: "before the answer, over TLS", script: [.readRequest, .stall], server: .tls, client: .tls),
        Silence(
            name: "in the body of a refusal",
            script: [.readRequest, .write("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nhalf"), .stall]),
    ]

    @Test("connect() is cancelled while the server is silent", arguments: silences)
    func connect(silence: Silence) async throws {
        let server = try FaultServer(tls: try silence.server.faultServer, scripts: [silence.script])
        let loop = SocketLoop.forTest()
        var configuration = Self.patient
        configuration.tls = try Security.tls.client
        let connecting = Task { [configuration] in
            try await WebSocket.connect(
                to: "\(silence.client == .tls ? "wss" : "ws")://127.0.0.1:\(server.port)/",
                configuration: configuration,
                on: loop)
        }
        try await server.waitForConnection()
        connecting.cancel()
        await #expect(throws: CancellationError.self) { try await connecting.value }
        _ = try await server.transcript()
        try await eventually { OpenSockets.connected(to: Int(server.port)) == 0 }
        await loop.shutDown()
        server.stop()
    }

    @Test("connect() is cancelled while TCP is not up")
    func connectToSilentHost() async throws {
        let server = try FaultServer.neverAccepting()
        let loop = SocketLoop.forTest()
        let others = OpenSockets.connected(to: Int(server.port))
        let connecting = Task { try await WebSocket.connect(to: server.url(), configuration: Self.patient, on: loop) }
        try await eventually { await loop.attemptCount() == 1 }
        connecting.cancel()
        await #expect(throws: CancellationError.self) { try await connecting.value }
        #expect(await loop.attemptCount() == 0)
        #expect(OpenSockets.connected(to: Int(server.port)) == others)
        await loop.shutDown()
        server.stop()
    }

    @Test("connect() is cancelled while the name is looked up, or before it begins")
    func connectBeforeItBegins() async throws {
        let loop = SocketLoop.forTest()
        let server = try FaultServer(scripts: [[.upgrade(), .readUntilEnd]])
        defer { server.stop() }
        // A server that would let it in, so that nothing else ends it.
        let early = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await WebSocket.connect(to: server.url(), configuration: Self.patient, on: loop)
        }
        early.cancel()
        await #expect(throws: CancellationError.self) { try await early.value }
        // A name server that never answers.
        let asked = Collector<String>()
        let (answer, mayAnswer) = (DispatchSemaphore(value: 0), "peer.invalid")
        let resolver = Resolver(lookUp: { host in
            asked.add(host)
            answer.wait()
            return .success([])
        })
        let plan = try ConnectAttempt.Plan(endpoint: Endpoint("ws://\(mayAnswer)/"), configuration: Self.patient)
        let asking = Task { try await ConnectAttempt.run(plan, within: .seconds(86_400), on: loop, resolver: resolver) }
        try await eventually { asked.all == [mayAnswer] }
        asking.cancel()
        await #expect(throws: CancellationError.self) { try await asking.value }
        answer.signal()
        #expect(await loop.attemptCount() == 0)
        await loop.shutDown()
    }

    @Test("connect() cancelled at any moment leaves either a connection or nothing")
    func connectRace() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            for round in 0..<200 {
                let connecting = Task { try await pair.connect() }
                for _ in 0..<(round % 40) { await Task.yield() }
                connecting.cancel()
                do {
                    let socket = try await connecting.value
                    try await socket.send("alive")
                    let answer = try await socket.receive(1)
                    #expect(answer == [.text("alive")])
                    await socket.close()
                } catch is CancellationError {}
            }
            try await eventually { OpenSockets.connected(to: pair.server.port) == 0 }
            try await eventually { pair.server.connectionCount == 0 }
        }
    }

    @Test("send() is cancelled while it waits for room; nothing of its message is sent")
    func send() async throws {
        try await withServer(client: Self.patient) { pair in
            let (client, server) = try await pair.connectPair()
            let sent = Counter()
            let sending = Task {
                while true {
                    try await client.send([UInt8](repeating: UInt8(sent.value & 0xFF), count: 32 << 10))
                    sent.increment()
                }
            }
            _ = try await standstill { sent.value }
            sending.cancel()
            await #expect(throws: CancellationError.self) { try await sending.value }
            let count = sent.value
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await client.send("last") }
                for number in 0..<count {
                    let message = try await server.receive(1)
                    #expect(message.first?.payload.first == UInt8(number & 0xFF))
                }
                let last = try await server.receive(1)
                #expect(last == [.text("last")])
                try await group.waitForAll()
            }
        }
    }

    @Test("nextMessages() and an iteration are cancelled while nothing comes; the connection stays open")
    func receive() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let client = try await pair.connect()
            let batch = Task { try await client.nextMessages() }
            batch.cancel()
            await #expect(throws: CancellationError.self) { try await batch.value }
            let iteration = Task { for try await _ in client.messages {} }
            iteration.cancel()
            await #expect(throws: CancellationError.self) { try await iteration.value }
            try await client.send("still here")
            #expect(try await client.receive(1) == [.text("still here")])
        }
    }

    @Test("ping() is cancelled while no pong comes; the connection stays open")
    func ping() async throws {
        // The text shows that the ping had come: then the cancelled call was really waiting.
        try await withFaultServer(
            [.upgrade(), .readFrames(1), .write(.text("pinged")), .stall], configuration: Self.patient
        ) { _, socket in
            let pinging = Task { try await socket.ping() }
            let received = try await socket.receive(1)
            #expect(received == [.text("pinged")])
            pinging.cancel()
            await #expect(throws: CancellationError.self) { try await pinging.value }
            #expect(socket.closure == nil)
        }
    }

    @Test("close() aborts the connection when it is cancelled, and closed() leaves it as it is")
    func close() async throws {
        try await withFaultServer(
            [.upgrade(), .readClose, .write(.text("closing")), .stall], configuration: Self.patient
        ) { server, socket in
            let waiting = Task { try await socket.closed() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(socket.closure == nil)
            let closing = Task { await socket.close() }
            let received = try await socket.receive(1)
            #expect(received == [.text("closing")])
            closing.cancel()
            let closure = await closing.value
            #expect(closure.received == nil)
            let end = try await server.transcript().end
            #expect(end == .peerClosed(step: 3))
        }
    }

    @Test("A call made by a task that is cancelled already does not wait")
    func cancelledBefore() async throws {
        try await withFaultServer([.upgrade(), .stall], configuration: Self.patient) { server, socket in
            let calls = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                var outcomes: [String] = []
                func note(_ call: () async throws -> Void) async {
                    do {
                        try await call()
                        outcomes.append("returned")
                    } catch {
                        outcomes.append("\(type(of: error))")
                    }
                }
                await note { _ = try await socket.nextMessages() }
                await note { _ = try await socket.ping() }
                await note { _ = try await socket.closed() }
                await note { _ = await socket.close() }
                return outcomes
            }
            let outcomes = await calls.value
            #expect(outcomes == ["CancellationError", "CancellationError", "CancellationError", "returned"])
            #expect(socket.closure?.isClean == false)
        }
    }
}

extension SocketLoop {
    /// The number of connection attempts that are under way on this loop.
    fileprivate func attemptCount() async -> Int {
        await withCheckedContinuation { continuation in
            do {
                try submit { core in
                    continuation.resume(returning: core.residents.values.count { $0 is ConnectAttempt })
                }
            } catch {
                // A loop that has ended has none.
                continuation.resume(returning: 0)
            }
        }
    }
}

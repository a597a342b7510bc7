import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.hangs) struct WebSocketPingTests {
    @Test("Both sides can ping", arguments: Security.allCases)
    func roundTrip(security: Security) async throws {
        try await withServer(security) { pair in
            let (client, server) = try await pair.connectPair()
            #expect(try await client.ping() > .zero)
            #expect(try await server.ping() > .zero)
        }
    }

    @Test("Many pings at once each get their answer")
    func concurrent() async throws {
        try await withServer { pair in
            let (client, _) = try await pair.connectPair()
            let times = try await withThrowingTaskGroup(of: Duration.self) { group in
                for _ in 0..<100 { group.addTask { try await client.ping() } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(times.count == 100)
        }
    }

    @Test("A ping is answered while more is on its way than fits anywhere, and does not wait for the end of that")
    func aheadOfData() async throws {
        let count = 800
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            let message = [UInt8](repeating: 7, count: 64 << 10)
            let sending = Task { for _ in 0..<count { try await client.send(message) } }
            // The server's receive buffer is full, and then the system's: nothing goes out any more.
            try await eventually { client.statistics.bytesWaitingToBeWritten > 512 << 10 }
            let ping = Task { try await client.ping() }
            var beforeTheAnswer = 0
            let answered = Counter()
            Task {
                _ = try await ping.value
                answered.increment()
            }
            var received = 0
            while received < count {
                received += try await server.nextMessages()?.count ?? count
                if answered.value == 0 { beforeTheAnswer = received }
            }
            _ = try await ping.value
            try await sending.value
            #expect(beforeTheAnswer < count / 2)
        }
    }

    @Test("Each ping of the peer is answered with its own payload, in order")
    func answers() async throws {
        let payloads: [[UInt8]] = [[], [1], Array("nonce".utf8), [UInt8](repeating: 9, count: 125)]
        let pings = payloads.flatMap { FaultServer.Frame.ping($0).bytes }
        try await withFaultServer([.upgrade(), .write(pings), .readFrames(4), .write(.close(1000)), .readClose]) {
            server, socket in
            #expect(try await socket.receiveAll() == [])
            let frames = try await server.transcript().frames
            #expect(frames.dropLast().map(\.opcode) == [0xA, 0xA, 0xA, 0xA])
            #expect(frames.dropLast().map(\.payload) == payloads)
            #expect(frames.allSatisfy { $0.maskKey != nil })
        }
    }

    @Test("A ping between the fragments of a message is answered, and the message stays whole")
    func betweenFragments() async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.text("Hel", isFinal: false), .ping([7]), .continuation(Array("lo".utf8))),
            .readFrames(1), .write(.close(1000)), .readClose,
        ]
        try await withFaultServer(script) { server, socket in
            let received = try await socket.receiveAll()
            #expect(received == [.text("Hello")])
            let pong = try await server.transcript().frames.first
            #expect(pong?.payload == [7])
        }
    }

    @Test("Pongs that nobody asked for are ignored")
    func unsolicitedPongs() async throws {
        let pongs = [[], [0], [UInt8](repeating: 0, count: 8)].flatMap { FaultServer.Frame.pong($0).bytes }
        try await withFaultServer([.upgrade(), .write(pongs), .write(.text("on")), .stall]) { _, socket in
            let received = try await socket.receive(1)
            #expect(received == [.text("on")])
        }
    }

    @Test("Ten thousand pings cost neither the connection nor unbounded memory, and messages among them arrive")
    func tenThousandPings() async throws {
        let ping = FaultServer.Frame.ping([1, 2, 3, 4])
        let script: [FaultServer.Step] = [
            .upgrade(), .flood(ping.bytes, count: 10_000), .write(.text("after")), .readFrames(1), .write(.close(1000)),
            .readClose,
        ]
        try await withFaultServer(script) { server, socket in
            #expect(try await socket.receiveAll() == [.text("after")])
            let frames = try await server.transcript().frames
            let pongs = frames.filter { $0.opcode == 0xA }
            #expect(!pongs.isEmpty && pongs.count <= 10_000)
            #expect(pongs.allSatisfy { $0.payload == [1, 2, 3, 4] })
            #expect(frames.last?.opcode == 0x8)
        }
    }

    @Test("A ping on a connection that has ended fails and says so")
    func afterClose() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let client = try await pair.connect()
            await client.close()
            let error = try await #require(throws: WebSocketError.self) { try await client.ping() }
            #expect(error.code == .connectionClosed)
            #expect(error.closure == client.closure)
        }
    }

    @Test("A ping that is under way fails with what ended the connection")
    func connectionEnds() async throws {
        try await withFaultServer([.upgrade(), .readFrames(1), .reset]) { _, socket in
            let error = try await #require(throws: WebSocketError.self) { try await socket.ping() }
            #expect(error.code == .connectionLost)
        }
        try await withFaultServer([.upgrade(), .readFrames(1), .write(.close(1012)), .readClose]) { _, socket in
            let error = try await #require(throws: WebSocketError.self) { try await socket.ping() }
            #expect(error.code == .closedWithError)
            #expect(error.closure?.code == .serviceRestart)
        }
    }
}

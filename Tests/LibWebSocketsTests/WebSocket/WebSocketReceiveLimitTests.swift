import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTesting

@testable import LibWebSockets

/// The messages that wait for the program stay within the limit, in memory, and the loop within its budget, whatever the
/// peer's bytes are.
@Suite(.hangs) struct WebSocketReceiveLimitTests {
    private static let limit = 1 << 20
    private static let deflate = FaultServer.Step.upgrade(
        .init(headers: [("Sec-WebSocket-Extensions", "permessage-deflate")]))

    /// Compressed messages of zeros. From the second on, each is the same bytes.
    private static func bombs(of size: Int) throws -> (first: [UInt8], next: [UInt8]) {
        var deflater = Deflater(windowBits: 15, level: 9, memoryLevel: 8, keepsContext: true)
        func frame() throws -> [UInt8] {
            defer { deflater.recycleOutput() }
            let payload = try [UInt8](repeating: 0, count: size).withUnsafeBytes {
                Array(try deflater.deflate($0, endsMessage: true))
            }
            return FaultServer.Frame(opcode: 2, payload: payload, reservedBits: 4).bytes
        }
        return (try frame(), try frame())
    }

    @Test("Tiny messages count as the memory that they occupy", arguments: Security.allCases, [0, 1])
    func tinyMessages(security: Security, size: Int) async throws {
        let frame = FaultServer.Frame.binary([UInt8](repeating: 1, count: size)).bytes
        let block = [UInt8](repeatElement(frame, count: 10_000).joined())
        try await withFaultServer([.upgrade(), .flood(block, reading: false)], security: security) { _, socket in
            try await eventually { socket.statistics.bytesWaitingToBeRead >= Self.limit }
            let waiting = try await standstill { socket.statistics.messagesReceived }
            #expect(waiting <= (Self.limit + InboundQueue.leastBudget) / 40 + 10)
            var (taken, memory) = (0, 0)
            while taken < waiting {
                let batch = try #require(try await socket.nextMessages())
                taken += batch.count
                memory += batch.capacity * 40
            }
            // Reading has gone on by the time that half of them were taken.
            #expect(taken >= waiting)
            #expect(memory <= Self.limit + 8_192 * 8)
            socket.abort()
        }
    }

    @Test("Messages that are bombs count as what they inflate to", arguments: Security.allCases)
    func bombs(security: Security) async throws {
        let (first, next) = try Self.bombs(of: 100_000)
        try await withFaultServer(
            [Self.deflate, .write(first), .flood(next, count: 500), .write(.close(1000)), .stall], security: security
        ) { _, socket in
            try await eventually { socket.statistics.bytesWaitingToBeRead >= Self.limit }
            _ = try await standstill { socket.statistics.bytesWaitingToBeRead }
            // The last one begins in the last free byte.
            #expect(socket.statistics.bytesWaitingToBeRead < Self.limit + 150_000)
            var sizes: [Int] = []
            for try await message in socket.messages { sizes.append(message.payload.count) }
            #expect(sizes == [Int](repeating: 100_000, count: 501))
        }
    }

    @Test("What a reset leaves behind counts too, and arrives as it is taken", arguments: Security.allCases)
    func remainingInput(security: Security) async throws {
        let (first, next) = try Self.bombs(of: 100_000)
        let bytes = first + repeatElement(next, count: 999).joined()
        let loop = SocketLoop.forTest()
        let server = try FaultServer(
            tls: try security.faultServer, scripts: [[Self.deflate, .pause(.milliseconds(500)), .write(bytes), .reset]])
        let socket = try await WebSocket.connect(
            to: server.url(), configuration: .init(tls: try security.client), on: loop)
        let release = await loop.occupy()
        _ = try await server.transcript()
        release()
        // Nobody reads: those who wait for the end are told all the same.
        let closure = try await socket.closed()
        #expect(closure.initiator == .connectionLoss)
        // Bytes that have arrived and are no message yet wait, too: as they came, and not what they inflate to.
        let most = Self.limit + 150_000 + bytes.count
        #expect(socket.statistics.bytesWaitingToBeRead < most)
        var sizes: [Int] = []
        let error = await #expect(throws: WebSocketError.self) {
            for try await message in socket.messages {
                sizes.append(message.payload.count)
                #expect(socket.statistics.bytesWaitingToBeRead < most)
            }
        }
        #expect(error?.code == .connectionLost)
        #expect(sizes == [Int](repeating: 100_000, count: 1_000))
        server.stop()
        await loop.shutDown()
    }

    @Test("What a reset leaves behind ends with the loop, and nobody waits for it")
    func remainingInputOfALoop() async throws {
        let (first, next) = try Self.bombs(of: 100_000)
        let loop = SocketLoop.forTest()
        let server = try FaultServer(
            scripts: [
                [
                    Self.deflate, .pause(.milliseconds(500)), .write(first + repeatElement(next, count: 999).joined()),
                    .reset,
                ]
            ])
        let socket = try await WebSocket.connect(to: server.url(), on: loop)
        let release = await loop.occupy()
        _ = try await server.transcript()
        release()
        _ = try await socket.closed()
        await loop.shutDown()
        await #expect(throws: WebSocketError.self) { try await socket.receiveAll() }
        server.stop()
    }

    @Test("An end behind messages that nobody takes is told at once, and the loop's end leaves nobody waiting")
    func lastWordsBehindAnEndInOrder() async throws {
        let loop = SocketLoop.forTest()
        let words = (0..<20).flatMap { _ in FaultServer.Frame.binary([UInt8](repeating: 1, count: 1000)).bytes }
        let server = try FaultServer(
            tls: try Security.tls.faultServer,
            scripts: [[.upgrade(), .pause(.milliseconds(300)), .write(words), .closeNotify, .shutDownWriting, .stall]])
        let socket = try await WebSocket.connect(
            to: server.url(), configuration: .init(tls: try Security.tls.client, receiveBufferSize: 1000), on: loop)
        // Messages and end come in one read.
        let release = await loop.occupy()
        try await Task.sleep(for: .seconds(1))
        release()
        try await eventually { socket.statistics.bytesWaitingToBeRead > 1000 }
        #expect(try await socket.closed().initiator == .connectionLoss)
        await loop.shutDown()
        await #expect(throws: WebSocketError.self) { try await socket.receiveAll() }
        server.stop()
    }

    @Test(
        "A bomb is inflated over many turns of its loop, in which other connections get theirs",
        arguments: Security.allCases)
    func turns(security: Security) async throws {
        let size = 64 << 20
        let (bomb, _) = try Self.bombs(of: size)
        let loop = SocketLoop.forTest()
        let server = try FaultServer(
            tls: try security.faultServer, scripts: [[Self.deflate, .readFrames(1), .write(bomb), .stall]])
        let socket = try await WebSocket.connect(
            to: server.url(), configuration: .init(tls: try security.client, maximumMessageSize: size), on: loop)
        // The progress of reading, turn by turn.
        let progress = Collector<UInt64>()
        @Sendable func look() {
            let count = socket.statistics.networkBytesReceived
            if progress.all.last != count { progress.add(count) }
            if Int(count) < bomb.count { try? loop.submit { _ in look() } }
        }
        look()
        try await socket.send("go")
        let received = try await socket.receive(1)
        #expect(received.map(\.payload.count) == [size])
        // There are 256 budgets. In one piece it is seen a few times.
        #expect(progress.all.count > 100)
        socket.abort()
        await loop.shutDown()
        server.stop()
    }

    @Test("Cancelling receive(onMessage:) loses nothing of the batch under way")
    func cancelledCallbacks() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            for number in 0..<100 { try await server.send("\(number)") }
            _ = try await server.ping()
            let handled = Collector<String>()
            let task = Relay<Task<Void, Never>>()
            let receiving = client.receive { message in
                handled.add(message.text ?? "?")
                if handled.all.count == 5 { try? await task.take().cancel() }
            }
            task.give(receiving)
            await receiving.value
            #expect(handled.all == (0..<5).map { "\($0)" })
            let rest = try await client.receive(95)
            #expect(rest.map(\.text) == (5..<100).map { "\($0)" })
        }
    }
}

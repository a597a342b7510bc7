import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// A peer that does not read stops the one that sends, and what waits in between stays bounded.
@Suite(.hangs) struct WebSocketBackPressureTests {
    private static let messageSize = 32 << 10
    private static let bufferSize = 128 << 10
    /// More than all buffers on the way hold together: 256 MiB. Sent to somebody who does not read, it never ends.
    private static let endless = 8_192

    private static let small = WebSocketConfiguration(receiveBufferSize: bufferSize, sendBufferSize: bufferSize)

    private static var smallServer: WebSocketServer.Configuration {
        .init(receiveBufferSize: bufferSize, sendBufferSize: bufferSize)
    }

    /// A message whose first bytes are its number.
    private static func message(_ number: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: messageSize)
        for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
        return bytes
    }

    private static func number(of message: WebSocketMessage) -> Int {
        message.payload.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// Sends from `sender` until it is stopped by a reader that does not read, then reads everything.
    private func checkThatSenderStops(_ sender: WebSocket, _ reader: WebSocket) async throws {
        let sent = Counter()
        let sending = Task {
            for number in 0..<Self.endless {
                try await sender.send(Self.message(number))
                sent.increment()
            }
        }
        let stopped = try await standstill { sent.value }
        #expect(stopped < Self.endless / 4, "nothing stops the sender")
        // It goes on only when half of it is free.
        #expect(
            sender.statistics.bytesWaitingToBeWritten > Self.bufferSize / 2,
            "the sender stopped with room in its buffer")
        // One message may go in as long as there is any room.
        #expect(sender.statistics.bytesWaitingToBeWritten < Self.bufferSize + Self.messageSize + 14)

        // The messages that wait for the reader are bounded too: the limit, and what one turn of the loop had read already.
        let first = try #require(try await reader.nextMessages())
        #expect(
            first.reduce(0) { $0 + $1.payload.count } < Self.bufferSize + LoopCore.readSize + Self.messageSize)

        // The sender goes on as soon as somebody reads. 500 more are enough to see that.
        var next = first.count
        #expect(first.map(Self.number) == Array(0..<next))
        while next < stopped + 500 {
            let batch = try #require(try await reader.nextMessages())
            #expect(batch.map(Self.number) == Array(next..<(next + batch.count)))
            next += batch.count
        }
        #expect(sent.value > stopped)
        sending.cancel()
        _ = await sending.result
    }

    @Test("A client that does not read stops the server's sends", arguments: Security.allCases)
    func serverStops(security: Security) async throws {
        try await withServer(security, configuration: Self.smallServer, client: Self.small) { pair in
            let (client, server) = try await pair.connectPair()
            try await checkThatSenderStops(server, client)
        }
    }

    @Test("A server that does not read stops the client's sends", arguments: Security.allCases)
    func clientStops(security: Security) async throws {
        try await withServer(security, configuration: Self.smallServer, client: Self.small) { pair in
            let (client, server) = try await pair.connectPair()
            try await checkThatSenderStops(client, server)
        }
    }

    @Test("A connection that stands still holds up no other one of its loop")
    func neighbours() async throws {
        try await withServer(configuration: Self.smallServer, client: Self.small) { pair in
            let (blocked, blockedServer) = try await pair.connectPair()
            let sent = Counter()
            let sending = Task {
                for number in 0..<Self.endless {
                    try await blockedServer.send(Self.message(number))
                    sent.increment()
                }
            }
            _ = try await standstill { sent.value }
            let (client, server) = try await pair.connectPair()
            try await server.send("hello")
            #expect(try await client.receive(1) == [.text("hello")])
            sending.cancel()
            _ = await sending.result
            _ = blocked
        }
    }

    @Test("Each of many senders that wait for room gets on when there is some")
    func manyWaitingSenders() async throws {
        let configuration = WebSocketConfiguration(sendBufferSize: 1)
        try await withServer(client: configuration) { pair in
            let (client, server) = try await pair.connectPair()
            async let received = server.receive(200)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 { group.addTask { try await client.send(Self.message(number)) } }
                try await group.waitForAll()
            }
            #expect(try await received.map(Self.number).sorted() == Array(0..<200))
        }
    }

    @Test("A message larger than the buffer goes in when there is room for one byte")
    func messageLargerThanBuffer() async throws {
        let configuration = WebSocketConfiguration(sendBufferSize: 1)
        try await withServer(client: configuration) { pair in
            let (client, server) = try await pair.connectPair()
            for number in 0..<10 { try await client.send(Self.message(number)) }
            #expect(try await server.receive(10).map(Self.number) == Array(0..<10))
        }
    }

    @Test("Bytes that wait are counted, and none is left when all was written")
    func bytesWaitingToBeWritten() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            #expect(client.statistics.bytesWaitingToBeWritten == 0)
            try await client.send("hello")
            #expect(try await server.receive(1) == [.text("hello")])
            // The peer may have read it before this side has noted that it was written.
            try await eventually { client.statistics.bytesWaitingToBeWritten == 0 }
        }
    }

    @Test("A peer that never reads: sends wait, and aborting the connection ends them and says what was not sent")
    func peerThatNeverReads() async throws {
        let loop = SocketLoop.forTest()
        let server = try FaultServer(receiveBufferSize: 4_096, scripts: [[.upgrade(), .stall]])
        let socket = try await WebSocket.connect(to: server.url(), configuration: Self.small, on: loop)
        let sent = Counter()
        let sending = Task {
            for number in 0..<Self.endless {
                try await socket.send(Self.message(number))
                sent.increment()
            }
        }
        _ = try await standstill { sent.value }
        #expect(socket.statistics.messagesUnsent == 0, "the connection is open")
        socket.abort()
        let error = try await #require(throws: WebSocketError.self) { try await sending.value }
        #expect(error.code == .connectionClosed)
        #expect(
            error.message == "the connection is closed (1006 abnormal closure), so nothing more can be sent on it")
        #expect(socket.closure?.code == .abnormalClosure)
        #expect(socket.closeError == nil)
        #expect(socket.statistics.messagesUnsent > 0)
        #expect(socket.statistics.messagesUnsent <= sent.value)
        #expect(socket.statistics.bytesWaitingToBeWritten == 0)
        server.stop()
        await loop.shutDown()
    }

    @Test("A peer that floods is read only as far as somebody takes the messages", arguments: Security.allCases)
    func flood(security: Security) async throws {
        let loop = SocketLoop.forTest()
        let frame = FaultServer.Frame.binary([UInt8](repeating: 1, count: 100))
        let server = try FaultServer(tls: try security.faultServer, scripts: [[.upgrade(), .flood(frame.bytes)]])
        var configuration = Self.small
        configuration.tls = try security.client
        let socket = try await WebSocket.connect(to: server.url(), configuration: configuration, on: loop)
        for _ in 0..<100 {
            let batch = try #require(try await socket.nextMessages())
            #expect(batch.allSatisfy { $0.payload.count == 100 })
            #expect(batch.count * 100 < Self.bufferSize + LoopCore.readSize)
        }
        socket.abort()
        // The rest of what had arrived, then the end.
        while let batch = try await socket.nextMessages() { #expect(batch.count * 100 < 2 * Self.bufferSize) }
        server.stop()
        await loop.shutDown()
    }
}

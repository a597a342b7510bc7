import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite struct KeepAliveValueTests {
    private typealias Traffic = KeepAlive.Traffic

    @Test(
        "Only silence in answer to a ping that was sent and could have been answered ends a connection",
        arguments: [
            (Traffic(received: 5, sent: 12), true, false, .giveUp),
            (Traffic(received: 6, sent: 12), true, false, .wait),
            // Nobody takes the messages, so that nothing is read.
            (Traffic(received: 5, sent: 12), false, false, .wait),
            // The ping waits behind output that moves, or that does not.
            (Traffic(received: 5, sent: 12), true, true, .wait),
            (Traffic(received: 5, sent: 10), true, true, .giveUp),
        ] as [(KeepAlive.Traffic, Bool, Bool, KeepAlive.Action)])
    func decisions(after: KeepAlive.Traffic, canBeHeard: Bool, isSending: Bool, action: KeepAlive.Action) {
        var keepAlive = KeepAlive(interval: .seconds(20), timeout: .seconds(10))
        #expect(keepAlive.timePassed(Traffic(received: 5, sent: 10), canBeHeard: true, isSending: false) == .ask)
        #expect(keepAlive.timePassed(after, canBeHeard: canBeHeard, isSending: isSending) == action)
        #expect(keepAlive.timePassed(after, canBeHeard: true, isSending: false) == .ask, "and so on")
        let answers = [keepAlive.answered(), keepAlive.answered()]
        #expect(answers == [true, false])
    }
}

@Suite(.hangs) struct KeepAliveTests {
    @Test("A peer that says nothing any more is given up, and the error says why", arguments: Security.allCases)
    func deadPeer(security: Security) async throws {
        let configuration = WebSocketConfiguration(
            pingInterval: .milliseconds(20), pingTimeout: .milliseconds(50))
        try await withFaultServer([.upgrade(), .readUntilEnd], security: security, configuration: configuration) {
            server, socket in
            let error = try await #require(throws: WebSocketError.self) { try await socket.receive() }
            #expect(error.code == .timedOut)
            #expect(error.stage == .open)
            #expect(error.message.hasSuffix("was given up: nothing came within 0.05 seconds (pingTimeout) of a ping"))
            #expect(error.closure?.initiator == .connectionLoss)
            let opcodes = try await server.transcript().frames.map(\.opcode)
            #expect(opcodes == [0x9])
        }
    }

    @Test("A peer that answers stays, and its pongs are nobody's messages")
    func livingPeer() async throws {
        let configuration = WebSocketConfiguration(
            pingInterval: .milliseconds(5), pingTimeout: .seconds(3_600))
        try await withServer(client: configuration, handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            try await eventually { socket.statistics.networkBytesReceived > 50 }
            try await socket.send("still here")
            #expect(try await socket.receive() == .text("still here"))
            #expect(await socket.close().isClean)
        }
    }

    @Test("An answer that has arrived counts, however late the loop comes to look at it")
    func lateLoop() async throws {
        let loop = SocketLoop.forTest()
        let server = try FaultServer(
            scripts: [[.upgrade(), .readFrames(1), .pause(.milliseconds(200)), .write(.text("alive")), .readUntilEnd]])
        let socket = try await WebSocket.connect(
            to: server.url(),
            configuration: .init(pingInterval: .milliseconds(1), pingTimeout: .milliseconds(500)), on: loop)
        try await eventually { socket.statistics.networkBytesSent > 0 }
        let release = await loop.occupy()
        try await Task.sleep(for: .seconds(1))
        release()
        #expect(try await socket.receive() == .text("alive"))
        socket.abort()
        await loop.shutDown()
        server.stop()
    }

    @Test("Times that are none are refused", arguments: [Duration.zero, .seconds(-1)])
    func invalid(time: Duration) {
        #expect(throws: WebSocketError.self) {
            try WebSocket.validate("ws://localhost", configuration: .init(pingInterval: time))
        }
        #expect(throws: WebSocketError.self) {
            try WebSocket.validate("ws://localhost", configuration: .init(pingTimeout: time))
        }
    }
}

@Suite(.hangs) struct WebSocketConvenienceTests {
    @Test("receive() returns one message at a time, in order, and nil at the end")
    func receive() async throws {
        try await withFaultServer([.upgrade(), .write(.text("a"), .text("b"), .text("c"), .close(1000)), .readClose]) {
            _, socket in
            var received: [String?] = []
            while let message = try await socket.receive() { received.append(message.text) }
            #expect(received == ["a", "b", "c"])
        }
    }

    @Test("A ping with a time limit says that it is over, and the connection stays")
    func pingTimeout() async throws {
        try await withFaultServer([.upgrade(), .readFrames(1), .write(.text("here")), .readClose, .write(.close(1000))])
        {
            server, socket in
            let error = try await #require(throws: WebSocketError.self) {
                try await socket.ping(timeout: .milliseconds(30))
            }
            #expect(error.code == .timedOut)
            #expect(
                error.message == "ws://127.0.0.1:\(server.port) did not answer a ping within 0.03 seconds")
            #expect(try await socket.receive()?.text == "here")
            #expect(await socket.close().isClean)
        }
        try await withServer(handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            #expect(try await socket.ping(timeout: .seconds(3_600)) > .zero)
        }
    }

    @Test("Both ends tell the address at the other one")
    func remoteAddress() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            #expect(client.remoteAddress == "127.0.0.1:\(pair.server.port)")
            #expect(server.remoteAddress.hasPrefix("127.0.0.1:"))
            #expect(server.remoteAddress != client.remoteAddress)
        }
    }

    @Test("What went out is counted with its frames, and statistics read as a sentence")
    func networkBytesSent() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            try await client.send("12345")
            _ = try await server.receive()
            // Two bytes of head, four of the mask (RFC 6455 section 5.2).
            #expect(client.statistics.networkBytesSent == 11)
            #expect(server.statistics.networkBytesReceived == 11)
            #expect(
                "\(client.statistics)"
                    == "sent 1 message (5 bytes), received 0 messages (0 bytes); waiting: 0 bytes to be read, 0 to be written"
            )
        }
    }
}

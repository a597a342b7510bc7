import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.hangs) struct WebSocketCloseTests {
    private static let codes: [UInt16] = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999,
    ]

    @Test("The client's code and reason reach the server, which echoes the code", arguments: codes)
    func clientCloses(code: UInt16) async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            let frame = CloseFrame(code: CloseCode(rawValue: code), reason: "grüß \(code)")
            let closure = await client.close(code: CloseCode(rawValue: code), reason: frame.reason)
            let echo = CloseFrame(code: CloseCode(rawValue: code))
            #expect(closure == WebSocketClosure(initiator: .local, sent: frame, received: echo))
            #expect(closure.isClean)
            #expect(client.closure == closure)
            #expect(client.closeError == nil)
            #expect(try await server.closed() == WebSocketClosure(initiator: .remote, sent: echo, received: frame))
            #expect((server.closeError == nil) == [1000, 1001].contains(code))
        }
    }

    @Test("The server's code and reason reach the client, which echoes the code", arguments: codes)
    func serverCloses(code: UInt16) async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            async let clientClosure = client.closed()
            let closure = await server.close(code: CloseCode(rawValue: code), reason: "bye")
            #expect(closure.code == CloseCode(rawValue: code))
            #expect(closure.initiator == .local)
            #expect(try await clientClosure == client.closure)
            #expect(client.closure?.initiator == .remote)
            #expect(client.closure?.code == CloseCode(rawValue: code))
            #expect(client.closure?.reason == "bye")
        }
    }

    @Test(
        "A code that must not be on the wire is sent as no code, and the peer sees 1005",
        arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] as [UInt16])
    func codesNotForTheWire(code: UInt16) async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            let closure = await client.close(code: CloseCode(rawValue: code), reason: "unsent")
            #expect(closure.sent == CloseFrame(code: nil))
            #expect(closure.code == .noStatusReceived)
            #expect(closure.isClean)
            #expect(try await server.receiveAll() == [])
            #expect(server.closure?.received == CloseFrame(code: nil))
        }
    }

    @Test("A reason is cut to 123 bytes, never within a character")
    func longReason() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            await client.close(code: .normalClosure, reason: String(repeating: "é", count: 200))
            _ = try await server.receiveAll()
            #expect(server.closure?.reason == String(repeating: "é", count: 61))
        }
    }

    @Test("What was sent before close() arrives before the close frame", arguments: Security.allCases)
    func queuedMessagesFirst(security: Security) async throws {
        // The server may be slow to read.
        try await withServer(security, client: .init(closeTimeout: .seconds(86_400))) { pair in
            let (client, server) = try await pair.connectPair()
            async let received = server.receiveAll()
            for number in 0..<2_000 { try await client.send("\(number) \(String(repeating: "x", count: 1_000))") }
            let closure = await client.close()
            #expect(closure.isClean)
            #expect(client.statistics.messagesUnsent == 0)
            let numbers = try await received.map { ($0.text ?? "").prefix { $0 != " " } }
            #expect(numbers == (0..<2_000).map { "\($0)" })
        }
    }

    @Test("What the peer sent before it saw our close frame can be read after close() has returned")
    func messagesAfterClose() async throws {
        try await withFaultServer([.upgrade(), .readClose, .write(.text("late"), .text("later"), .close(1000))]) {
            _, socket in
            let closure = await socket.close()
            #expect(closure.isClean)
            let received = try await socket.receiveAll()
            #expect(received == [.text("late"), .text("later")])
        }
    }

    @Test("A server reads what a client sent before both had closed")
    func serverReadsAfterClose() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            for number in 0..<100 { try await client.send("\(number)") }
            await client.close()
            // The server's side echoed the close frame by itself; the messages still wait there.
            try await eventually { server.closure != nil }
            #expect(try await server.receiveAll().count == 100)
        }
    }

    @Test("Nothing can be sent after close(), and the error says why")
    func sendAfterClose() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let client = try await pair.connect()
            let closure = await client.close(code: .goingAway)
            let error = try await #require(throws: WebSocketError.self) { try await client.send("too late") }
            #expect(error.code == .connectionClosed)
            #expect(error.stage == .closing)
            #expect(error.closure == closure)
            #expect(error.message == "the connection is closed (1001 going away), so nothing more can be sent on it")
        }
    }

    @Test("Nothing can be sent while the peer's answer to the close frame is awaited")
    func sendWhileClosing() async throws {
        let configuration = WebSocketConfiguration(closeTimeout: .milliseconds(200))
        try await withFaultServer([.upgrade(), .readUntilEnd], configuration: configuration) { _, socket in
            async let closing = socket.close()
            var error: WebSocketError?
            try await eventually("send goes on working") {
                do {
                    try await socket.send("x")
                    return false
                } catch let failure {
                    error = failure as? WebSocketError
                    return true
                }
            }
            #expect(error?.code == .connectionClosed)
            #expect(error?.message.hasPrefix("the connection is clos") == true)
            _ = await closing
        }
    }

    @Test("Closing again returns how the connection ended, and sends nothing more")
    func closeTwice() async throws {
        try await withFaultServer([.upgrade(), .readClose, .write(.close(1000))]) { server, socket in
            async let first = socket.close(code: .normalClosure, reason: "first")
            async let second = socket.close(code: .goingAway, reason: "second")
            let closures = await [first, second]
            #expect(closures[0] == closures[1])
            let third = await socket.close(code: .goingAway)
            #expect(third == closures[0])
            let frames = try await server.transcript().frames
            #expect(frames.map(\.opcode) == [0x8])
        }
    }

    @Test("Both sides may close at the same time")
    func simultaneous() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            async let fromClient = client.close(code: CloseCode(rawValue: 4001))
            async let fromServer = server.close(code: CloseCode(rawValue: 4002))
            let closures = await (client: fromClient, server: fromServer)
            for closure in [closures.client, closures.server] {
                let (sent, received) = (try #require(closure.sent), try #require(closure.received))
                // A code of the peer's own is none of the orderly ends; that of this side, echoed, is.
                #expect(closure.isClean == (closure.initiator == .local && sent.code == received.code))
            }
            // The first one decides; nobody sees a code that neither said.
            let codes: Set<UInt16> = [4001, 4002]
            #expect(codes.contains(closures.client.code.rawValue))
            #expect(codes.contains(closures.server.code.rawValue))
        }
    }

    @Test("The close frames that cross on the wire are both reported")
    func crossing() async throws {
        let script: [FaultServer.Step] = [.upgrade(), .write(.close(4002, reason: "mine")), .readClose]
        try await withFaultServer(script) { server, socket in
            // Both sides say something, whether the server's frame has been read by then or not.
            let closure = await socket.close(code: CloseCode(rawValue: 4001))
            #expect(closure.received == CloseFrame(code: CloseCode(rawValue: 4002), reason: "mine"))
            let sent = try await server.transcript().closeCode
            #expect(sent == closure.sent?.code?.rawValue)
        }
    }

    @Test("A peer that does not answer the close frame is given up after closeTimeout", arguments: Security.allCases)
    func closeTimeout(security: Security) async throws {
        let configuration = WebSocketConfiguration(closeTimeout: .milliseconds(100))
        try await withFaultServer([.upgrade(), .readUntilEnd], security: security, configuration: configuration) {
            server, socket in
            let closure = await socket.close(code: .goingAway)
            #expect(closure.sent?.code == .goingAway)
            #expect(closure.received == nil)
            #expect(closure.code == .abnormalClosure)
            #expect(socket.closeError == nil)
            let received = try await socket.receiveAll()
            #expect(received == [])
            let end = try await server.transcript().end
            #expect(end == .finished)
        }
    }

    @Test("A server that answered but does not end TCP is not waited for; the socket goes after closeTimeout")
    func serverThatKeepsTheConnection() async throws {
        // Long enough for the answer to come on a busy machine: without it this is another test.
        let configuration = WebSocketConfiguration(closeTimeout: .seconds(2))
        let script: [FaultServer.Step] = [.upgrade(), .readClose, .write(.close(1000)), .stall]
        try await withFaultServer(script, configuration: configuration) { server, socket in
            let closure = await socket.close()
            #expect(closure.isClean)
            let end = try await server.transcript().end
            #expect(end == .peerClosed(step: 3))
        }
    }

    @Test("A peer that reads slowly what the system has taken long ago gets all of it, and its answer is waited for")
    func slowReader() async throws {
        // 30 steps of 100 KB, each well within the time that the peer has to get on; all of them are not.
        let reading = (0..<30).flatMap { _ in [FaultServer.Step.read(100_000), .pause(.milliseconds(100))] }
        let script = [FaultServer.Step.upgrade()] + reading + [.readClose, .write(.close(1000)), .readUntilEnd]
        let server = try FaultServer(receiveBufferSize: 128 << 10, scripts: [script])
        let loop = SocketLoop.forTest()
        let socket = try await WebSocket.connect(
            to: server.url(),
            configuration: .init(sendBufferSize: 8 << 20, closeTimeout: .milliseconds(1_500)), on: loop)
        for _ in 0..<30 { try await socket.send([UInt8](repeating: 7, count: 100_000)) }
        let closure = await socket.close()
        #expect(closure.received?.code == .normalClosure)
        #expect(try await server.transcript().closeCode == 1000)
        #expect(socket.statistics.messagesUnsent == 0)
        server.stop()
        await loop.shutDown()
    }
}

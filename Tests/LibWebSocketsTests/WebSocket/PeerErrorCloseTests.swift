import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite("A peer that closes with an error code", .hangs) struct PeerErrorCloseTests {
    @Test(
        "An end that the peer calls an error is one, after the messages that came before",
        arguments: [1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999] as [UInt16])
    func errorCodes(code: UInt16) async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.text("before"), .close(code, reason: "why")), .readClose,
        ]
        try await withFaultServer(script) { server, socket in
            var received: [String?] = []
            let error = try await #require(throws: WebSocketError.self) {
                for try await message in socket.messages { received.append(message.text) }
            }
            #expect(received == ["before"])
            #expect(error.closure?.received == CloseFrame(code: CloseCode(rawValue: code), reason: "why"))
            #expect(error.code == .closedWithError)
            #expect(error.stage == .closing)
            #expect(error.message.hasPrefix("ws://127.0.0.1:\(server.port) closed the connection with \(code)"))
            #expect(error.message.contains("\"why\""))
            #expect(socket.closure?.isClean == false)
            #expect(socket.closure == error.closure)
            #expect(socket.closeError?.message == error.message)
        }
    }

    @Test(
        "1000, 1001 and a close frame without a code are an orderly end",
        arguments: [1000, 1001, nil] as [UInt16?])
    func orderlyCodes(code: UInt16?) async throws {
        try await withFaultServer([.upgrade(), .write(.close(code)), .readClose]) { _, socket in
            let received = try await socket.receiveAll()
            #expect(received == [])
            #expect(socket.closure?.isClean == true)
            #expect(socket.closeError == nil)
        }
    }

    @Test("A code of this side's that the peer only echoes is no error of the peer's")
    func echo() async throws {
        try await withFaultServer([.upgrade(), .readClose, .write(.close(4001))]) { _, socket in
            let closure = await socket.close(code: CloseCode(rawValue: 4001))
            #expect(closure.isClean)
            let received = try await socket.receiveAll()
            #expect(received == [])
            #expect(socket.closeError == nil)
        }
    }

    @Test("A peer that answers this side's close frame with an error of its own is heard")
    func answeredWithAnError() async throws {
        try await withFaultServer([.upgrade(), .readClose, .write(.close(1011, reason: "disk full"))]) { _, socket in
            let closure = await socket.close()
            #expect(!closure.isClean)
            #expect(socket.closeError?.closure == closure)
            await #expect(throws: WebSocketError.self) { try await socket.receiveAll() }
        }
    }

    @Test("What was too big for the peer is said to be")
    func tooBigForThePeer() async throws {
        try await withServer(configuration: .init(maximumMessageSize: 10)) { pair in
            let (client, server) = try await pair.connectPair()
            async let serverEnd = server.closed()
            try await client.send("more than ten bytes")
            let error = try await #require(throws: WebSocketError.self) { try await client.receiveAll() }
            #expect(error.closure?.code == .messageTooBig)
            #expect(error.message.contains("send less"))
            _ = try await serverEnd
        }
    }

    @Test("A handler whose client closes with an error has not failed")
    func serverSide() async throws {
        let lines = LogLines()
        var configuration = WebSocketServer.Configuration()
        configuration.logger = lines.logger()
        try await withServer(
            configuration: configuration,
            handler: { socket, _ in for try await _ in socket.messages {} }
        ) { pair in
            let client = try await pair.connect()
            await client.close(code: .policyViolation, reason: "no")
            try await eventually { pair.server.connectionCount == 0 }
        }
        #expect(!lines.all.contains { $0.hasPrefix("warning") }, "\(lines.all)")
    }
}

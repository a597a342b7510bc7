import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.hangs) struct WebSocketEndTests {
    @Test("Cancelling a task that closes aborts the connection")
    func cancelledClose() async throws {
        try await withFaultServer([.upgrade(), .readClose, .write(.text("seen")), .stall]) { server, socket in
            let closing = Task { await socket.close(code: .goingAway) }
            let answer = try await socket.receive(1)
            #expect(answer == [.text("seen")])
            closing.cancel()
            let closure = await closing.value
            #expect(closure.received == nil)
            #expect(closure.sent?.code == .goingAway)
            let end = try await server.transcript().end
            #expect(end == .peerClosed(step: 3))
        }
    }

    @Test(
        "When the last reference goes, the connection is closed with 1001, after what was sent",
        arguments: Security.allCases)
    func droppedReference(security: Security) async throws {
        try await withServer(security) { pair in
            let server: WebSocket
            do {
                let client: WebSocket
                (client, server) = try await pair.connectPair()
                try await client.send("last words")
            }
            #expect(try await server.receiveAll() == [.text("last words")])
            #expect(server.closure?.received == CloseFrame(code: .goingAway))
        }
    }

    @Test("A dropped reference leaves neither the connection nor its socket behind")
    func droppedReferenceLeavesNothing() async throws {
        try await withServer { pair in
            weak var client: WebSocket?
            var server: WebSocket?
            do {
                let strong: WebSocket
                (strong, server) = try await pair.connectPair()
                client = strong
            }
            // The loop that handed it over lets go of it a moment later.
            try await eventually("somebody keeps the connection") { client == nil }
            _ = try await server?.receiveAll()
            try await eventually { OpenSockets.connected(to: pair.server.port) == 0 }
        }
    }

    @Test(
        "abort() is a lost connection for the peer, and an end without error for this side",
        arguments: Security.allCases)
    func abort(security: Security) async throws {
        try await withServer(security) { pair in
            let (client, server) = try await pair.connectPair()
            client.abort()
            let error = try await #require(throws: WebSocketError.self) { try await server.receiveAll() }
            #expect(error.code == .connectionLost)
            #expect(server.closure?.code == .abnormalClosure)
            #expect(server.closure?.initiator == .connectionLoss)
            #expect(try await client.receiveAll() == [])
            #expect(client.closure == WebSocketClosure(initiator: .local, sent: nil, received: nil))
            client.abort()
            #expect(await client.close() == client.closure)
        }
    }

    @Test(
        "A lost connection ends the iteration with an error, after the messages that came before",
        arguments: Security.allCases)
    func lostConnection(security: Security) async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.text("a"), .text("b")), .closeNotify, .shutDownWriting, .readUntilEnd,
        ]
        try await withFaultServer(script, security: security) { server, socket in
            var received: [String?] = []
            let error = try await #require(throws: WebSocketError.self) {
                for try await message in socket.messages { received.append(message.text) }
            }
            #expect(received == ["a", "b"])
            #expect(error.code == .connectionLost)
            #expect(error.stage == .open)
            let scheme = security == .tls ? "wss" : "ws"
            #expect(
                error.message
                    == "the connection to \(scheme)://127.0.0.1:\(server.port) was lost: the peer ended it without a close frame"
            )
            #expect(error.closure?.code == .abnormalClosure)
            #expect(socket.closeError?.message == error.message)
            // The error was told; what is left is the end.
            let rest = try await socket.nextMessages()
            #expect(rest == nil)
        }
    }

    @Test("A reset connection says so, with the system's error number", arguments: Security.allCases)
    func reset(security: Security) async throws {
        try await withFaultServer([.upgrade(), .read(1), .reset], security: security) { server, socket in
            try await socket.send("x")
            let error = try await #require(throws: WebSocketError.self) { try await socket.receiveAll() }
            #expect(error.code == .connectionLost)
            #expect(error.message.contains("was lost: Connection reset by peer"))
            #expect(error.errno == 104)
            let late = try await #require(throws: WebSocketError.self) { try await socket.send("y") }
            #expect(late.code == .connectionClosed)
            #expect(
                late.message == """
                    the connection is closed (1006 abnormal closure), so nothing more can be sent on it; it ended because \
                    \(error.message)
                    """)
            #expect(late.errno == 104)
        }
    }
}

import Testing
import WebSocketTesting

@testable import WebSocketService

/// The library's own transport over real sockets.
@Suite(.timeLimit(.minutes(10))) struct WebSocketTransportTests {
    private func withConnection(
        _ script: [FaultServer.Step], _ body: (any SocketConnection) async throws -> Void
    ) async throws {
        try await FaultServer.withServer(script) { server in
            let connection = try await WebSocketTransport().connect(to: ConnectRequest(url: server.url()))
            try await body(connection)
        }
    }

    @Test("A close frame is told while messages are unread and nobody reads")
    func closeIsToldUnread() async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.text("last"), .text("words"), .close(1001, reason: "new version")), .readUntilEnd,
        ]
        try await withConnection(script) { connection in
            async let other = connection.ended()
            let closure = try await connection.ended()
            #expect(closure.received == CloseFrame(code: .goingAway, reason: "new version"))
            #expect(try await other == closure)
            #expect(connection.closure == closure)
            #expect(connection.closeError == nil)
            await #expect(throws: WebSocketError.self) { try await connection.send(.text("late")) }
            var received: [WebSocketMessage] = []
            while let batch = try await connection.receive() { received += batch }
            #expect(received == [.text("last"), .text("words")])
        }
    }

    @Test("A reset is told while messages are unread and nobody reads")
    func resetIsToldUnread() async throws {
        try await withConnection([.upgrade(), .readFrames(1), .write(.text("last words")), .reset]) { connection in
            try await connection.send(.text("go on"))
            let closure = try await connection.ended()
            #expect(closure.initiator == .connectionLoss)
            #expect((connection.closeError as? WebSocketError)?.code == .connectionLost)
            #expect(try await connection.receive() == [.text("last words")])
        }
    }

    @Test("Waiting for the end can be cancelled, and the connection stays")
    func waitingIsCancelled() async throws {
        try await withConnection([.upgrade(), .readFrames(1), .write(.text("still here")), .readUntilEnd]) {
            connection in
            let waiting = Task { try await connection.ended() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(connection.closure == nil)
            try await connection.send(.text("go on"))
            #expect(try await connection.receive() == [.text("still here")])
            connection.abort()
            #expect(try await connection.ended() == connection.closure)
            #expect(connection.closeError == nil, "what was asked for is no error")
        }
    }
}

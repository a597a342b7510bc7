import Foundation
import LibWebSockets
import Testing

@Suite("Closing with Python's websockets", .needsEchoServer, .timeLimit(.minutes(10)))
struct ClosingTests {
    private static let frames: [CloseFrame] = [
        CloseFrame(code: .normalClosure, reason: "done"),
        CloseFrame(code: .goingAway),
        CloseFrame(code: .serviceRestart, reason: "new version"),
        CloseFrame(code: .tryAgainLater, reason: "überlastet"),
        CloseFrame(code: CloseCode(rawValue: 3000), reason: "unauthorized"),
        CloseFrame(code: CloseCode(rawValue: 4999), reason: String(repeating: "r", count: 123)),
    ]

    /// The server's view of a connection's end.
    private struct Seen: Decodable {
        let code: UInt16
        let reason: String
        /// Bytes, or characters of text.
        let received: Int
    }

    private func seen(_ server: ExternalServer, _ configuration: WebSocketConfiguration) async throws -> Seen {
        let socket = try await WebSocket.connect(
            to: server.url(scheme: "wss", path: "/closures"), configuration: configuration)
        let report = try #require(try await socket.nextText())
        await socket.close()
        return try JSONDecoder().decode(Seen.self, from: Data(report.utf8))
    }

    @Test("Each code and reason of the server's arrives as it is")
    func fromServer() async throws {
        try await withSecureEchoServer { server, configuration in
            for frame in Self.frames {
                let code = try #require(frame.code)
                var parts = URLComponents()
                parts.path = "/close"
                parts.queryItems = [
                    URLQueryItem(name: "code", value: String(code.rawValue)),
                    URLQueryItem(name: "reason", value: frame.reason),
                ]
                let socket = try await WebSocket.connect(
                    to: server.url(scheme: "wss", path: try #require(parts.string)), configuration: configuration)
                _ = try await socket.closed()
                // RFC 6455 section 5.5.1: the answer echoes the code.
                #expect(socket.closure?.initiator == .remote)
                #expect(socket.closure?.received == frame)
                #expect(socket.closure?.sent?.code == code)
                #expect((socket.closeError == nil) == (code == .normalClosure || code == .goingAway))
                _ = try await seen(server, configuration)
            }
        }
    }

    @Test("Each code and reason of ours is what the server sees")
    func fromClient() async throws {
        try await withSecureEchoServer { server, configuration in
            for frame in Self.frames {
                let code = try #require(frame.code)
                let socket = try await WebSocket.connect(
                    to: server.url(scheme: "wss"), configuration: configuration)
                let closure = await socket.close(code: code, reason: frame.reason)
                #expect(closure.initiator == .local && closure.isClean && closure.code == code)
                let seen = try await seen(server, configuration)
                #expect(seen.code == code.rawValue)
                #expect(seen.reason == frame.reason)
            }
        }
    }

    @Test("What was sent before the close frame arrives before it")
    func sentBeforeClosing() async throws {
        try await withSecureEchoServer { server, configuration in
            let socket = try await WebSocket.connect(to: server.url(scheme: "wss"), configuration: configuration)
            let payload = [UInt8](repeating: 7, count: 4 << 20)
            try await socket.send(payload)
            let closure = await socket.close()
            #expect(closure.isClean)
            // Python's websockets does not send once it has read a close frame, so no echo comes of it.
            let seen = try await seen(server, configuration)
            #expect(seen.received == payload.count)
            #expect(seen.code == CloseCode.normalClosure.rawValue)
        }
    }

    @Test("A connection that is aborted looks like a loss to the server")
    func aborted() async throws {
        try await withSecureEchoServer { server, configuration in
            let socket = try await WebSocket.connect(to: server.url(scheme: "wss"), configuration: configuration)
            socket.abort()
            #expect(try await seen(server, configuration).code == CloseCode.abnormalClosure.rawValue)
        }
    }

    @Test("A message larger than the server takes ends with its 1009")
    func tooBigForServer() async throws {
        try await withSecureEchoServer {
            $0.maximumMessageSize = 1_000
            $0.compression = false
        } _: { server, configuration in
            let socket = try await WebSocket.connect(to: server.url(scheme: "wss"), configuration: configuration)
            try await socket.send([UInt8](repeating: 0, count: 1_000))
            var sizes: [Int] = []
            let error = try await #require(throws: WebSocketError.self) {
                for try await message in socket.messages {
                    sizes.append(message.payload.count)
                    try await socket.send([UInt8](repeating: 0, count: 1_001))
                }
            }
            #expect(sizes == [1_000])
            #expect(error.code == .closedWithError)
            #expect(error.closure?.received?.code == .messageTooBig)
        }
    }

    @Test("A message larger than this side takes is refused with 1009, which the server sees")
    func tooBigForClient() async throws {
        try await withSecureEchoServer { server, configuration in
            var configuration = configuration
            configuration.maximumMessageSize = 1_000
            let socket = try await WebSocket.connect(to: server.url(scheme: "wss"), configuration: configuration)
            try await socket.send([UInt8](repeating: 0, count: 1_001))
            let error = await #expect(throws: WebSocketError.self) { for try await _ in socket.messages {} }
            #expect(error?.code == .messageTooBig)
            #expect(try await seen(server, configuration).code == CloseCode.messageTooBig.rawValue)
        }
    }
}

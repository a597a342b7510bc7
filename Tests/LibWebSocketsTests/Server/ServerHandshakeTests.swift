import LibC
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.hangs) struct ServerHandshakeTests {
    @Test("What a client said before it reset the connection arrives")
    func remainingInput() async throws {
        try await withServer { pair in
            var client: RawClient? = try RawClient(port: pair.server.port)
            try await client?.upgrade()
            let socket = try await pair.accepted.take()
            let release = await pair.serverLoop.occupy()
            let words = (0..<100).map { "message \($0)" }
            let frames = words.map { FaultServer.Frame.text($0, maskKey: [1, 2, 3, 4]) }
            try await client?.write(frames.flatMap(\.bytes))
            client?.resetWhenReleased()
            client = nil
            release()
            var received: [String?] = []
            // The closure tells how the connection ends.
            do { for try await message in socket.messages { received.append(message.text) } } catch {}
            #expect(received == words)
            #expect(try await socket.closed().code == .abnormalClosure)
        }
    }

    @Test("A client that writes and never reads costs no processor time, and is heard all the same")
    func idleWhileOutputWaits() async throws {
        try await withServer { pair in
            // Accepted sockets inherit it: so small that every write leaves something that waits.
            let listening = try #require(OpenSockets.listening(on: pair.server.port))
            var size: CInt = 16 << 10
            #expect(setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size)) == 0)
            let client = try RawClient(port: pair.server.port)
            try await client.upgrade()
            let socket = try await pair.accepted.take()
            let sending = Task {
                while true { try await socket.send([UInt8](repeating: 1, count: 1 << 20)) }
            }
            _ = try await standstill { socket.statistics.bytesSent }
            try await client.write(FaultServer.Frame.text("still there?", maskKey: [1, 2, 3, 4]).bytes)
            #expect(try await pair.serverLoop.load(during: .milliseconds(300)) < 0.5, "the loop is busy with nothing")
            #expect(try await socket.receive(1) == [.text("still there?")])
            sending.cancel()
            _ = await sending.result
            let draining = Task { try await client.readToEnd() }
            socket.abort()
            _ = try await draining.value
        }
    }

    @Test("A close frame is told at once behind output that the client does not read")
    func closeFrameBehindOutput() async throws {
        let configuration = WebSocketServer.Configuration(closeTimeout: .seconds(86_400))
        try await withServer(configuration: configuration) { pair in
            let client = try RawClient(port: pair.server.port)
            try await client.upgrade()
            let socket = try await pair.accepted.take()
            let sending = Task {
                while true { try await socket.send([UInt8](repeating: 1, count: 1 << 20)) }
            }
            _ = try await standstill { socket.statistics.bytesSent }
            // 1011, masked with zeroes.
            try await client.write([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xF3])
            #expect(try await socket.closed().code == .internalError)
            await #expect(throws: WebSocketError.self) { try await sending.value }
            socket.abort()
        }
    }
}

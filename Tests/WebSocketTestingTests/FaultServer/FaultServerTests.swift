import Testing
import WebSocketTesting
import LibC

@Suite(.timeLimit(.minutes(10))) struct FaultServerTests {
    typealias Frame = FaultServer.Frame

    @Test(
        "The server answers an upgrade with the accept value of RFC 6455 section 1.3",
        arguments: FaultServer.Address.allCases)
    func upgrade(address: FaultServer.Address) async throws {
        try await FaultServer.withServer([.upgrade()], address: address) { server in
            let client = try RawClient(server)
            let head = try client.upgrade(key: "dGhlIHNhbXBsZSBub25jZQ==")
            #expect(
                head == """
                    HTTP/1.1 101 Switching Protocols\r
                    Upgrade: websocket\r
                    Connection: Upgrade\r
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
                    \r\n
                    """)
            client.disconnect()
            let transcript = try await server.transcript()
            #expect(transcript.end == .finished)
            #expect(transcript.requestLine == "GET /chat HTTP/1.1")
            #expect(transcript.requestHeaders("sec-websocket-version") == ["13"])
        }
    }

    @Test("The server sends any other response to an upgrade")
    func wrongUpgrade() async throws {
        let response = FaultServer.UpgradeResponse(
            statusLine: "HTTP/1.0 199 What", upgrade: nil, connection: "close", accept: .value("no"),
            headers: [("Content-Length", "5"), ("X", "")], trailing: [1, 2])
        try await FaultServer.withServer([.upgrade(response)]) { server in
            let client = try RawClient(server)
            try client.write("GET / HTTP/1.1\r\n\r\n")
            let expected =
                "HTTP/1.0 199 What\r\nConnection: close\r\nSec-WebSocket-Accept: no\r\nContent-Length: 5\r\nX: \r\n\r\n"
            #expect(try client.receiveUntilEnd() == Array(expected.utf8) + [1, 2])
        }
    }

    @Test("The server refuses with a complete response")
    func respond() async throws {
        let script: [FaultServer.Step] = [
            .readRequest,
            .respond(status: 503, reason: "Busy", headers: [("Retry-After", "7")], body: "later"),
        ]
        try await FaultServer.withServer(script) { server in
            let client = try RawClient(server)
            try client.write("GET / HTTP/1.1\r\n\r\n")
            let response = String(decoding: try client.receiveUntilEnd(), as: UTF8.self)
            #expect(response == "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nlater")
        }
    }

    @Test("The server records frames unmasked, and the close code, however they are cut")
    func records() async throws {
        let frames = [
            Frame.text("Hello", maskKey: [1, 2, 3, 4]),
            Frame(opcode: 0x8, payload: [0x03, 0xEA] + Array("why".utf8), maskKey: [9, 9, 9, 9]),
        ]
        try await FaultServer.withServer([.upgrade(), .readFrames(1), .readClose]) { server in
            let client = try RawClient(server)
            try client.upgrade()
            for byte in frames.flatMap(\.bytes) { try client.write([byte]) }
            #expect(try client.receiveUntilEnd().isEmpty)
            client.disconnect()
            let transcript = try await server.transcript()
            #expect(transcript.frames == frames)
            #expect(transcript.received == frames.flatMap(\.bytes))
            #expect(transcript.closeCode == 1002)
            #expect(transcript.closeReason == "why")
            #expect(transcript.end == .finished)
        }
    }

    @Test("The server writes the bytes of a script as they are", arguments: [1, 3, 1000])
    func writeSlowly(chunk: Int) async throws {
        let bytes = (0..<100).map { UInt8($0) }
        let script: [FaultServer.Step] = [.writeSlowly(bytes, chunk: chunk), .write(Frame.ping()), .write("end")]
        try await FaultServer.withServer(script) { server in
            let client = try RawClient(server)
            #expect(try client.receiveUntilEnd() == bytes + [0x89, 0] + Array("end".utf8))
        }
    }

    @Test("The server writes slowly enough for a client to meet each piece by itself")
    func pieces() async throws {
        let script: [FaultServer.Step] = [.writeSlowly([1, 2, 3], chunk: 1, pause: .seconds(30))]
        try await FaultServer.withServer(script) { server in
            let client = try RawClient(server)
            #expect(try client.receiveSome() == [1])
            server.stop()
            #expect(try await server.transcript().end == .stopped(step: 0))
        }
    }

    @Test("The server resets a connection")
    func reset() async throws {
        try await FaultServer.withServer([.upgrade(), .read(1), .reset, .write([2])]) { server in
            let client = try RawClient(server)
            try client.upgrade()
            try client.write([0])
            let failure = #expect(throws: RawClient.Failure.self) { try client.receiveSome() }
            #expect(failure?.errno == ECONNRESET)
            #expect(try await server.transcript().end == .finished)
        }
    }

    @Test("The server closes one direction and reads on in the other")
    func shutDownWriting() async throws {
        try await FaultServer.withServer([.shutDownWriting, .read(3), .readUntilEnd]) { server in
            let client = try RawClient(server)
            #expect(try client.receiveUntilEnd().isEmpty)
            try client.write("12345")
            client.disconnect()
            let transcript = try await server.transcript()
            #expect(transcript.received == Array("12345".utf8))
            #expect(transcript.end == .finished)
        }
    }

    @Test("The server closes without a reset although the client sent more than the script read")
    func unreadBytes() async throws {
        try await FaultServer.withServer([.read(1), .write([7])]) { server in
            let client = try RawClient(server)
            try client.write(Array(repeating: 1, count: 100_000))
            #expect(try client.receiveUntilEnd() == [7])
        }
    }

    @Test("The server says at which step the client went away")
    func peerCloses() async throws {
        try await FaultServer.withServer([.read(1), .readFrames(1)], [.read(1), .stall], [.readRequest]) { server in
            for _ in 0..<3 {
                let client = try RawClient(server)
                try client.write([1])
                client.disconnect()
            }
            #expect(try await server.transcript(of: 0).end == .peerClosed(step: 1))
            #expect(try await server.transcript(of: 1).end == .peerClosed(step: 1))
            #expect(try await server.transcript(of: 2).end == .peerClosed(step: 0))
            #expect(server.connectionCount == 3)
        }
    }

    @Test("The server runs the last script on every later connection")
    func scripts() async throws {
        try await FaultServer.withServer([.write([1])], [.write([2])]) { server in
            var answers: [[UInt8]] = []
            for _ in 0..<4 { answers.append(try RawClient(server).receiveUntilEnd()) }
            #expect(answers == [[1], [2], [2], [2]])
        }
    }

    @Test("The server floods a client that answers every frame, without a deadlock")
    func flood() async throws {
        let count = 10_000
        let payload = Array(repeating: UInt8(7), count: 100)
        let ping = Frame.ping(payload).bytes
        try await FaultServer.withServer(
            [.upgrade(), .flood(ping, count: count), .readFrames(count)], receiveBufferSize: 4096
        ) { server in
            let client = try RawClient(server)
            try client.upgrade()
            let pong = Frame(opcode: 0xA, payload: payload, maskKey: [1, 2, 3, 4]).bytes
            var received = 0
            var answered = 0
            while answered < count {
                received += try client.receiveSome().count
                while (answered + 1) * ping.count <= received {
                    try client.write(pong)
                    answered += 1
                }
            }
            client.disconnect()
            let transcript = try await server.transcript()
            #expect(transcript.frames.count == count)
            #expect(transcript.frames.allSatisfy { $0.opcode == 0xA && $0.payload == payload })
        }
    }

    @Test("The server floods without end until it is stopped, and stopping takes no time")
    func endlessFlood() async throws {
        try await FaultServer.withServer([.flood([1, 2, 3], reading: false)]) { server in
            let client = try RawClient(server)
            #expect(try client.receive(1_000_000).prefix(4) == [1, 2, 3, 1])
            server.stop()
            #expect(try await server.transcript().end == .stopped(step: 0))
        }
    }

    @Test("The server does not let a client that went away end the process")
    func writeToClosed() async throws {
        try await FaultServer.withServer([.flood([0])]) { server in
            try RawClient(server).disconnect()
            #expect(try await server.transcript().end == .peerReset(step: 0))
        }
    }

    @Test("The server gives up on a request without end")
    func endlessRequest() async throws {
        try await FaultServer.withServer([.readRequest]) { server in
            let client = try RawClient(server)
            // The server closes while this is still being sent.
            try? client.write(Array(repeating: UInt8(ascii: "a"), count: 2 << 20))
            guard case .failed(step: 0, let message) = try await server.transcript().end else {
                Issue.record("the script went on")
                return
            }
            #expect(message.contains("no empty line"))
        }
    }

    @Test("The server leaves a client without any answer when it never accepts")
    func neverAccepting() async throws {
        let server = try FaultServer.neverAccepting()
        defer { server.stop() }
        #expect(try RawClient(server, blocking: false).isConnected(withinMilliseconds: 300) == false)
    }

    @Test("The server is gone once stopped, and stopping again is harmless")
    func stop() async throws {
        let server = try FaultServer(scripts: [[.stall]])
        let client = try RawClient(server)
        server.stop()
        server.stop()
        _ = try? client.receiveSome()
        let failure = #expect(throws: RawClient.Failure.self) { try RawClient(server) }
        #expect(failure?.errno == ECONNREFUSED)
        await #expect(throws: FaultServerError.self) { try await server.transcript(of: 1) }
    }

    @Test("The server stops when it is dropped")
    func drop() async throws {
        var server: FaultServer? = try FaultServer(scripts: [[.stall]])
        let client = try RawClient(server!)
        try await server?.waitForConnection()
        server = nil
        #expect(try client.receiveUntilEnd().isEmpty)
    }

    @Test("The server lets go of a task that is cancelled while it waits for a transcript")
    func cancellation() async throws {
        try await FaultServer.withServer([.stall]) { server in
            let waiting = Task { try await server.transcript() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }

    @Test("The server names its URL", arguments: FaultServer.Address.allCases)
    func url(address: FaultServer.Address) async throws {
        try await FaultServer.withServer([.stall], address: address) { server in
            let host = address == .ipv4Loopback ? "127.0.0.1" : "[::1]"
            #expect(server.url(path: "/a?b") == "ws://\(host):\(server.port)/a?b")
            #expect(server.url(host: "localhost") == "ws://localhost:\(server.port)/")
        }
    }
}

import LibWebSockets
import Testing
import WebSocketTesting

@Suite(.timeLimit(.minutes(10))) struct FaultServers {
    @Test func aMaskedServerFrameIsAViolation() async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.text("hi", maskKey: [1, 2, 3, 4])), .readClose,
        ]
        try await FaultServer.withServer(script) { server in
            let socket = try await WebSocket.connect(to: server.url())
            await #expect(throws: WebSocketError.self) { try await socket.nextMessages() }
            #expect(try await server.transcript().closeCode == 1002)
        }
    }

    @Test func scriptsServeConnectionsInTurn() async throws {
        try await FaultServer.withServer(
            [.readRequest, .reset],
            [.upgrade(), .write(.text("second time lucky")), .readClose]
        ) { server in
            print(server.url())
        }
    }

    /// Steps are made, and not run.
    static func pieces() -> [[FaultServer.Step]] {
        let frame = FaultServer.Frame.text("hello").bytes
        let inPieces: [FaultServer.Step] = [
            .upgrade(), .write(Array(frame[..<1])), .pause(.milliseconds(20)), .write(Array(frame[1..<4])),
            .pause(.milliseconds(20)), .write(Array(frame[4...])), .readClose,
        ]
        let byteByByte: [FaultServer.Step] = [
            .readRequest, .writeSlowly(Array("HTTP/1.1 503 Service Unavailable\r\n\r\n".utf8), chunk: 1),
        ]
        return [inPieces, byteByByte]
    }

    /// The steps of the table.
    static func steps(bytes: [UInt8]) throws -> [FaultServer.Step] {
        _ = try FaultServer.neverAccepting()
        return [
            .readRequest, .respond(status: 429, headers: [("Retry-After", "7")]),
            .upgrade(FaultServer.UpgradeResponse(accept: .omitted)), .stall, .reset,
            .write(FaultServer.Frame(opcode: 0x3)), .writeSlowly(bytes, chunk: 1), .flood(bytes),
        ]
    }
}

import Testing
import WebSocketProtocol
import WebSocketTesting

@testable import LibWebSockets

/// Peers that break RFC 7692: in the agreement, and in what they send afterwards.
@Suite("Peers that break RFC 7692", .hangs) struct CompressionFaultTests {
    @Test("A bomb closes with 1009 as soon as it is larger than a message may be", arguments: Security.allCases)
    func bomb(security: Security) async throws {
        let limited = WebSocketConfiguration(maximumMessageSize: 1 << 20)
        try await withServer(
            security, configuration: WebSocketServer.Configuration(compression: .automatic), client: limited
        ) { pair in
            let (client, server) = try await pair.connectPair()
            try await server.send([UInt8](repeating: 0, count: 1 << 20))
            try await server.send([UInt8](repeating: 0, count: 64 << 20))
            var sizes: [Int] = []
            let error = try await #require(throws: WebSocketError.self) {
                for try await message in client.messages { sizes.append(message.payload.count) }
            }
            #expect(sizes == [1 << 20])
            #expect(error.code == .messageTooBig)
            #expect(error.message.contains("compressed message inflates beyond the limit of 1048576 bytes"))
            #expect(error.closure?.sent?.code == .messageTooBig)
        }
    }

    @Test("A bomb in fragments without end is stopped at the same limit", arguments: Security.allCases)
    func endlessBomb(security: Security) async throws {
        var deflater = Deflater(windowBits: 15, level: 9, memoryLevel: 8, keepsContext: true)
        func compressedZeros() throws -> [UInt8] {
            defer { deflater.recycleOutput() }
            return try [UInt8](repeating: 0, count: 1 << 20).withUnsafeBytes {
                Array(try deflater.deflate($0, endsMessage: false))
            }
        }
        let first = FaultServer.Frame(opcode: 2, payload: try compressedZeros(), isFinal: false, reservedBits: 4)
        // With zeros in the window, each further MiB compresses to the same bytes.
        let next = FaultServer.Frame.continuation(try compressedZeros(), isFinal: false)
        let script: [FaultServer.Step] = [
            .upgrade(.init(headers: [("Sec-WebSocket-Extensions", "permessage-deflate")])), .write(first),
            .flood(next.bytes),
        ]
        try await withFaultServer(script, security: security) { server, socket in
            let error = try await #require(throws: WebSocketError.self) { try await socket.receiveAll() }
            #expect(error.code == .messageTooBig)
            let scheme = security == .tls ? "wss" : "ws"
            #expect(
                error.message
                    == "The peer sent too much: compressed message inflates beyond the limit of 16777216 bytes "
                    + "(maximumMessageSize). The connection to \(scheme)://127.0.0.1:\(server.port) was closed with "
                    + "1009 message too big.")
        }
    }

    @Test(
        "A server's answer that does not correspond to the offer is reported with what is wrong",
        arguments: [
            (
                "permessage-deflate; server_max_window_bits=16",
                "server_max_window_bits is \"16\" instead of a number from 8 to 15 (RFC 7692 section 7.1)"
            ),
            ("permessage-deflate; client_max_window_bits", "client_max_window_bits has no value"),
            ("permessage-deflate; more=1", "parameter \"more\" is unknown"),
            ("permessage-deflate, permessage-deflate", "it is accepted twice"),
            ("permessage-bzip2", "extension \"permessage-bzip2\" was not offered"),
        ])
    func invalidAnswer(answer: String, text: String) async throws {
        let script: [FaultServer.Step] = [.upgrade(.init(headers: [("Sec-WebSocket-Extensions", answer)]))]
        try await withFaultServer(listening: script) { _, connect in
            let error = await #expect(throws: WebSocketError.self) { _ = try await connect() }
            #expect(error?.code == .invalidHandshake)
            #expect(error?.stage == .upgrade)
            #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        }
    }

    @Test("An answer to no offer is an invalid handshake")
    func unaskedAnswer() async throws {
        let headers = [(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")]
        let configuration = WebSocketConfiguration(compression: .disabled)
        try await withFaultServer(listening: [.upgrade(.init(headers: headers))], configuration: configuration) {
            server, connect in
            let error = await #expect(throws: WebSocketError.self) { _ = try await connect() }
            #expect(error?.message.contains("extension \"permessage-deflate\" was not offered") == true)
            let offers = try await server.transcript().requestHeaders("Sec-WebSocket-Extensions")
            #expect(offers == [])
        }
    }

    @Test(
        "Compressed messages that are wrong close with the code for it",
        arguments: [
            (
                "damaged", "permessage-deflate", [FaultServer.Frame(opcode: 1, payload: [0x06, 0], reservedBits: 4)],
                1007, "compressed message cannot be inflated: invalid block type (-3)"
            ),
            (
                "cut short", "permessage-deflate",
                [FaultServer.Frame(opcode: 1, payload: [0xF2, 0x48], reservedBits: 4)],
                1007, "it ends inside a DEFLATE block"
            ),
            (
                "a context that was given up", "permessage-deflate; server_no_context_takeover",
                [
                    FaultServer.Frame(opcode: 1, payload: [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], reservedBits: 4),
                    FaultServer.Frame(opcode: 1, payload: [0xF2, 0x00, 0x11, 0x00, 0x00], reservedBits: 4),
                ], 1007, "invalid distance too far back (-3)"
            ),
            (
                "text that is not UTF-8", "permessage-deflate",
                [FaultServer.Frame(opcode: 1, payload: [0x00, 0x01, 0x00, 0xFE, 0xFF, 0xFF, 0x00], reservedBits: 4)],
                1007, "text message is not valid UTF-8"
            ),
            (
                "RSV1 on a continuation", "permessage-deflate",
                [
                    FaultServer.Frame(opcode: 1, payload: [0xF2], isFinal: false, reservedBits: 4),
                    FaultServer.Frame(opcode: 0, payload: [0x48], reservedBits: 4),
                ], 1002, "RSV1 set on a continuation frame"
            ),
            (
                "RSV1 on a ping", "permessage-deflate", [FaultServer.Frame(opcode: 9, payload: [0], reservedBits: 4)],
                1002, "RSV1 set on a ping frame"
            ),
            (
                "RSV2", "permessage-deflate", [FaultServer.Frame(opcode: 1, payload: [0], reservedBits: 6)],
                1002, "reserved bits RSV2 set"
            ),
            (
                "RSV1 without the extension", nil, [FaultServer.Frame(opcode: 1, payload: [0], reservedBits: 4)],
                1002, "reserved bits RSV1 set"
            ),
        ] as [(String, String?, [FaultServer.Frame], UInt16, String)])
    func wrongMessages(
        name: String, answer: String?, frames: [FaultServer.Frame], code: UInt16, text: String
    ) async throws {
        let headers = answer.map { [(name: "Sec-WebSocket-Extensions", value: $0)] } ?? []
        let script: [FaultServer.Step] = [
            .upgrade(.init(headers: headers)), .write(frames.flatMap(\.bytes)), .readClose,
        ]
        try await withFaultServer(script) { server, socket in
            let error = try await #require(throws: WebSocketError.self) { _ = try await socket.receiveAll() }
            #expect(error.code == .protocolViolation)
            #expect(error.message.contains(text), "\(error.message)")
            #expect(try await server.transcript().closeCode == code)
        }
    }
}

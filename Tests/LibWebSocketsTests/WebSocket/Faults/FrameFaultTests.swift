import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Frames that break RFC 6455: the peer is told with the right code, the program with the rule that was broken.
@Suite("Frames that break RFC 6455", .hangs) struct FrameFaultTests {
    typealias Frame = FaultServer.Frame

    struct Violation: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        /// The code that the server is told.
        let code: CloseCode
        /// The words that the text must have.
        let words: String

        init(_ name: String, _ frames: Frame..., code: CloseCode = .protocolError, words: String) {
            self.name = name
            bytes = frames.flatMap(\.bytes)
            self.code = code
            self.words = words
        }

        var testDescription: String { name }
    }

    private static let long = [UInt8](repeating: 0, count: 126)

    static let violations: [Violation] = [
        Violation("masked text", .text("x", maskKey: [1, 2, 3, 4]), words: "masked frame from a server"),
        Violation("masked with zeros", .text("x", maskKey: [0, 0, 0, 0]), words: "masked frame from a server"),
        Violation("RSV1", Frame(opcode: 1, reservedBits: 4), words: "reserved bits RSV1 set without an extension"),
        Violation("RSV2", Frame(opcode: 1, reservedBits: 2), words: "reserved bits RSV2 set"),
        Violation("RSV3", Frame(opcode: 2, reservedBits: 1), words: "reserved bits RSV3 set"),
        Violation(
            "all reserved bits on a ping", Frame(opcode: 9, reservedBits: 7), words: "reserved bits RSV1+RSV2+RSV3 set"),
        Violation("opcode 3", Frame(opcode: 3), words: "reserved opcode 0x3"),
        Violation("opcode 7", Frame(opcode: 7), words: "reserved opcode 0x7"),
        Violation("opcode 11", Frame(opcode: 11), words: "reserved opcode 0xB"),
        Violation("opcode 15", Frame(opcode: 15), words: "reserved opcode 0xF"),
        Violation("fragmented ping", Frame(opcode: 9, isFinal: false), words: "fragmented ping frame"),
        Violation("fragmented pong", Frame(opcode: 10, isFinal: false), words: "fragmented pong frame"),
        Violation("fragmented close", Frame(opcode: 8, isFinal: false), words: "fragmented close frame"),
        Violation("ping of 126 bytes", .ping(long), words: "ping frame with a payload longer than 125 bytes"),
        Violation("pong of 126 bytes", .pong(long), words: "pong frame with a payload longer than 125 bytes"),
        Violation(
            "close of 126 bytes", Frame(opcode: 8, payload: [3, 232] + long),
            words: "close frame with a payload longer than 125"),
        Violation(
            "length of 2^63", Frame(opcode: 2, declaredLength: 1 << 63, lengthForm: .sixtyFourBits),
            words: "payload length 0x8000000000000000 with its most significant bit set"),
        Violation(
            "length of 2^64-1", Frame(opcode: 2, declaredLength: .max, lengthForm: .sixtyFourBits),
            words: "payload length 0xffffffffffffffff with its most significant bit set"),
        Violation(
            "length of 2^63-1", Frame(opcode: 2, declaredLength: .max >> 1, lengthForm: .sixtyFourBits),
            code: .messageTooBig, words: "message of at least 9223372036854775807 bytes exceeds the limit of 16777216"),
        Violation(
            "length one above the limit", Frame(opcode: 2, declaredLength: 16 << 20 | 1, lengthForm: .sixtyFourBits),
            code: .messageTooBig, words: "message of at least 16777217 bytes exceeds the limit of 16777216"),
        Violation(
            "long form for a short length", Frame(opcode: 2, payload: [1], lengthForm: .sixteenBits),
            words: "payload length 1 not in its shortest form"),
        Violation(
            "longest form for a medium length", Frame(opcode: 2, payload: long, lengthForm: .sixtyFourBits),
            words: "payload length 126 not in its shortest form"),
        Violation(
            "continuation of nothing", .continuation([1]), words: "continuation frame without a message to continue"),
        Violation(
            "text inside a message", .text("a", isFinal: false), .text("b"),
            words: "text frame before the fragmented message was finished"),
        Violation(
            "binary inside a message", .binary([1], isFinal: false), .binary([2], isFinal: false),
            words: "binary frame before the fragmented message was finished"),
        Violation(
            "text not UTF-8", Frame(opcode: 1, payload: [0x61, 0xFF]), code: .invalidFramePayloadData,
            words: "text message is not valid UTF-8"),
        Violation(
            "overlong UTF-8", Frame(opcode: 1, payload: [0xC0, 0x80]), code: .invalidFramePayloadData,
            words: "text message is not valid UTF-8"),
        Violation(
            "surrogate in UTF-8", Frame(opcode: 1, payload: [0xED, 0xA0, 0x80]), code: .invalidFramePayloadData,
            words: "text message is not valid UTF-8"),
        Violation(
            "UTF-8 cut at the end", Frame(opcode: 1, payload: [0xE2, 0x82]), code: .invalidFramePayloadData,
            words: "text message is not valid UTF-8"),
        Violation(
            "UTF-8 wrong across fragments", Frame(opcode: 1, payload: [0xE2, 0x82], isFinal: false),
            .continuation([0x41]),
            code: .invalidFramePayloadData, words: "text message is not valid UTF-8"),
        Violation("close of one byte", Frame(opcode: 8, payload: [3]), words: "close frame with a body of one byte"),
        Violation("close 0", .close(0), words: "close code 0, which must not be sent"),
        Violation("close 999", .close(999), words: "close code 999, which must not be sent"),
        Violation("close 1004", .close(1004), words: "close code 1004, which must not be sent"),
        Violation("close 1005", .close(1005), words: "close code 1005, which must not be sent"),
        Violation("close 1006", .close(1006), words: "close code 1006, which must not be sent"),
        Violation("close 1015", .close(1015), words: "close code 1015, which must not be sent"),
        Violation("close 1016", .close(1016), words: "close code 1016, which must not be sent"),
        Violation("close 2999", .close(2999), words: "close code 2999, which must not be sent"),
        Violation("close 5000", .close(5000), words: "close code 5000, which must not be sent"),
        Violation("close 65535", .close(65535), words: "close code 65535, which must not be sent"),
        Violation(
            "close reason not UTF-8", Frame(opcode: 8, payload: [0x03, 0xE8, 0xFF]), code: .invalidFramePayloadData,
            words: "reason of the close frame is not valid UTF-8"),
    ]

    private func check(_ violation: Violation, script: [FaultServer.Step]) async throws {
        try await withFaultServer(script) { server, socket in
            var received: [String?] = []
            var failure: (any Error)?
            do {
                for try await message in socket.messages { received.append(message.text) }
            } catch {
                failure = error
            }
            let error = try #require(failure as? WebSocketError)
            #expect(received == ["before"], "what came before the violation is not lost")
            #expect(error.code == (violation.code == .messageTooBig ? .messageTooBig : .protocolViolation))
            #expect(error.stage == .open)
            let isTooBig = violation.code == .messageTooBig
            let fault = isTooBig ? "The peer sent too much: " : "The peer broke the WebSocket protocol: "
            #expect(error.message.hasPrefix(fault + violation.words))
            #expect(error.message.contains(isTooBig ? " (maximumMessageSize). " : " (RFC 6455 section "))
            #expect(
                error.message.hasSuffix(
                    "The connection to ws://127.0.0.1:\(server.port) was closed with \(violation.code)."))
            #expect(error.closure?.sent?.code == violation.code)
            #expect(error.closure?.received == nil)
            #expect(error.closure?.code == .abnormalClosure)
            #expect(socket.closeError?.message == error.message)
            await #expect(throws: WebSocketError.self) { try await socket.send("after") }
            let transcript = try await server.transcript()
            #expect(transcript.closeCode == violation.code.rawValue)
            #expect(transcript.frames.map(\.opcode) == [8], "nothing but the close frame is sent")
        }
    }

    @Test("A violation ends the connection with its code and its text", arguments: violations)
    func violation(_ violation: Violation) async throws {
        // Bytes after a violation must not be looked at: a valid message here would be wrong to deliver.
        try await check(
            violation,
            script: [.upgrade(), .write(.text("before")), .write(violation.bytes), .write(.text("after")), .readClose])
    }

    @Test("A violation ends the connection in the same way when every byte comes alone", arguments: violations)
    func violationByteByByte(_ violation: Violation) async throws {
        try await check(
            violation,
            script: [.upgrade(), .write(.text("before")), .writeSlowly(violation.bytes, chunk: 1), .readClose])
    }

    @Test("A message that is complete before the violation is delivered, also out of the same packet")
    func completeMessageBeforeViolation() async throws {
        let frames: [Frame] = [.text("a", isFinal: false), .continuation([0x62]), .continuation([0x63])]
        try await withFaultServer([.upgrade(), .write(frames.flatMap(\.bytes)), .readClose]) { _, socket in
            let received = try await socket.receive(1)
            #expect(received == [.text("ab")])
            var failure: (any Error)?
            do {
                _ = try await socket.nextMessages()
            } catch {
                failure = error
            }
            let words = "continuation frame without a message to continue"
            #expect((failure as? WebSocketError)?.message.contains(words) == true)
        }
    }

    // MARK: - What is right, however it is cut

    @Test("Messages in frames of every form, cut at every byte, arrive whole", arguments: [1, 2, 3, 5, 7, 11, 64])
    func cuts(chunk: Int) async throws {
        let frames: [Frame] = [
            .text("héllo"), .binary([]), .ping([1]), .text("é", isFinal: false), .pong([2]),
            .continuation([], isFinal: false),
            .continuation(Array("é".utf8)), .binary([UInt8](repeating: 1, count: 125)),
            .binary([UInt8](repeating: 2, count: 126)),
            .binary([UInt8](repeating: 3, count: 700)), .close(1000, reason: "done"),
        ]
        try await withFaultServer([.upgrade(), .writeSlowly(frames.flatMap(\.bytes), chunk: chunk), .readClose]) {
            _, socket in
            let received = try await socket.receiveAll()
            #expect(received.map(\.payload.count) == [6, 0, 4, 125, 126, 700])
            #expect(received.first?.text == "héllo")
            #expect(socket.closure?.reason == "done")
        }
    }

    @Test("A character cut by fragments and by packets stays one")
    func characterAcrossFragments() async throws {
        let bytes = Array("🙂".utf8)
        let frames: [Frame] =
            [Frame(opcode: 1, payload: [bytes[0]], isFinal: false)]
            + bytes[1..<3].map { .continuation([$0], isFinal: false) } + [.continuation([bytes[3]])]
        try await withFaultServer([.upgrade(), .writeSlowly(frames.flatMap(\.bytes), chunk: 1), .stall]) { _, socket in
            let received = try await socket.receive(1)
            #expect(received == [.text("🙂")])
        }
    }

    @Test("A message in a hundred thousand fragments, most of them empty, costs what it weighs")
    func manyFragments() async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.text("a", isFinal: false)),
            .flood(Frame.continuation([], isFinal: false).bytes, count: 100_000),
            .write(.continuation(Array("z".utf8))), .stall,
        ]
        try await withFaultServer(script) { _, socket in
            let received = try await socket.receive(1)
            #expect(received == [.text("az")])
        }
    }

    @Test("Fragments that together exceed the limit are refused before the last one")
    func fragmentsBeyondTheLimit() async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.binary([UInt8](repeating: 1, count: 600), isFinal: false)),
            .write(.continuation([UInt8](repeating: 2, count: 600), isFinal: false)), .readClose,
        ]
        try await withFaultServer(script, configuration: WebSocketConfiguration(maximumMessageSize: 1_000)) {
            server, socket in
            var failure: (any Error)?
            do {
                _ = try await socket.receiveAll()
            } catch {
                failure = error
            }
            #expect((failure as? WebSocketError)?.code == .messageTooBig)
            #expect(
                (failure as? WebSocketError)?.message.contains("at least 1200 bytes exceeds the limit of 1000") == true)
            let transcript = try await server.transcript()
            #expect(transcript.closeCode == 1009)
        }
    }

    @Test(
        "Close codes of the registry and of applications are kept as they are",
        arguments: [1000, 1001, 1003, 1011, 1012, 1013, 1014, 3000, 4999] as [UInt16])
    func allowedCloseCodes(code: UInt16) async throws {
        try await withFaultServer([.upgrade(), .write(.close(code, reason: "why")), .readClose]) { server, socket in
            let closure = try await socket.closed()
            #expect(closure.received == CloseFrame(code: CloseCode(rawValue: code), reason: "why"))
            let transcript = try await server.transcript()
            #expect(transcript.closeCode == code)
        }
    }

    @Test("A close frame without a code is 1005, and is answered without one")
    func closeWithoutCode() async throws {
        try await withFaultServer([.upgrade(), .write(.close(nil)), .readClose]) { server, socket in
            let received = try await socket.receiveAll()
            #expect(received == [])
            #expect(socket.closure?.code == .noStatusReceived)
            let transcript = try await server.transcript()
            #expect(transcript.closeFrame?.payload == [])
        }
    }

    @Test("Frames after the close frame are ignored")
    func afterTheCloseFrame() async throws {
        try await withFaultServer([.upgrade(), .write(.close(1000), .text("late"), Frame(opcode: 3)), .readClose]) {
            _, socket in
            let received = try await socket.receiveAll()
            #expect(received == [])
            #expect(socket.closure?.code == .normalClosure)
            #expect(socket.closeError == nil)
        }
    }

    @Test("An end in the middle of a frame is a lost connection, and the half message is not delivered")
    func endInsideAFrame() async throws {
        let frame = Frame.text("never complete").bytes
        try await withFaultServer([.upgrade(), .write(.text("whole")), .write(Array(frame.dropLast(3)))]) {
            server, socket in
            var received: [String?] = []
            var failure: (any Error)?
            do {
                for try await message in socket.messages { received.append(message.text) }
            } catch {
                failure = error
            }
            #expect(received == ["whole"])
            #expect((failure as? WebSocketError)?.code == .connectionLost)
            #expect(socket.closure?.code == .abnormalClosure)
            let lost = "the connection to ws://127.0.0.1:\(server.port) was lost: "
            #expect((failure as? WebSocketError)?.message.hasPrefix(lost) == true)
        }
    }
}

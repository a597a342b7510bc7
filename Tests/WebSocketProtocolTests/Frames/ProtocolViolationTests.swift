import Testing

@testable import WebSocketProtocol

@Suite struct ProtocolViolationTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let name: String
        let role: Role
        let bytes: [UInt8]
        let rule: ProtocolViolation.Rule
        let code: CloseCode
        let text: String

        var testDescription: String { name }

        init(
            _ name: String, to role: Role = .client, _ frames: [RawFrame], _ rule: ProtocolViolation.Rule,
            _ code: CloseCode, _ text: String
        ) {
            self.name = name
            self.role = role
            self.bytes = frames.flatMap(\.bytes)
            self.rule = rule
            self.code = code
            self.text = text
        }
    }

    private static func frame(
        _ opcode: Opcode, form: RawFrame.LengthForm, length: UInt64, to role: Role = .client
    ) -> RawFrame {
        var frame = RawFrame(opcode, [], to: role)
        frame.lengthForm = form
        frame.announcedLength = length
        return frame
    }

    private static func unmasked(_ frame: RawFrame) -> RawFrame {
        var frame = frame
        frame.key = nil
        return frame
    }

    private static func masked(_ frame: RawFrame) -> RawFrame {
        var frame = frame
        frame.key = [1, 2, 3, 4]
        return frame
    }

    static let rows: [Row] = [
        Row(
            "RSV1", [RawFrame(.text, [], rsv: 4, to: .client)], .reservedBits(0x40), .protocolError,
            "reserved bits RSV1 set without an extension that uses them (RFC 6455 section 5.2)"),
        Row(
            "RSV2", [RawFrame(.text, [], rsv: 2, to: .client)], .reservedBits(0x20), .protocolError,
            "reserved bits RSV2 set"),
        Row(
            "RSV3 on a ping", [RawFrame(.ping, [], rsv: 1, to: .client)], .reservedBits(0x10), .protocolError,
            "reserved bits RSV3 set"),
        Row(
            "all reserved bits", [RawFrame(.binary, [], rsv: 7, to: .client)], .reservedBits(0x70), .protocolError,
            "reserved bits RSV1+RSV2+RSV3 set"),
        Row(
            "fragmented ping", [RawFrame(.ping, [], fin: false, to: .client)], .fragmentedControlFrame(.ping),
            .protocolError, "fragmented ping frame (RFC 6455 section 5.5)"),
        Row(
            "fragmented close", [RawFrame(.close, [], fin: false, to: .client)], .fragmentedControlFrame(.close),
            .protocolError, "fragmented close frame"),
        Row(
            "ping of 126 bytes", [RawFrame(.ping, [UInt8](repeating: 0, count: 126), to: .client)],
            .oversizedControlFrame(.ping), .protocolError,
            "ping frame with a payload longer than 125 bytes (RFC 6455 section 5.5)"),
        Row(
            "pong with a 64-bit length", [frame(.pong, form: .sixtyFourBits, length: 5)], .oversizedControlFrame(.pong),
            .protocolError, "pong frame with a payload longer than 125 bytes"),
        Row(
            "masked server frame", [masked(RawFrame(.text, [0x61], to: .client))], .maskedServerFrame, .protocolError,
            "masked frame from a server (RFC 6455 section 5.1)"),
        Row(
            "unmasked client frame", to: .server, [unmasked(RawFrame(.text, [0x61], to: .server))],
            .unmaskedClientFrame, .protocolError, "unmasked frame from a client (RFC 6455 section 5.1)"),
        Row(
            "125 in the 16-bit form", [frame(.binary, form: .sixteenBits, length: 125)],
            .lengthNotMinimal(length: 125), .protocolError,
            "payload length 125 not in its shortest form (RFC 6455 section 5.2)"),
        Row(
            "0 in the 16-bit form", [frame(.binary, form: .sixteenBits, length: 0)], .lengthNotMinimal(length: 0),
            .protocolError, "payload length 0 not in its shortest form"),
        Row(
            "65535 in the 64-bit form", [frame(.binary, form: .sixtyFourBits, length: 65535)],
            .lengthNotMinimal(length: 65535), .protocolError, "payload length 65535 not in its shortest form"),
        Row(
            "length 2^63", [frame(.binary, form: .sixtyFourBits, length: 1 << 63)],
            .lengthExceeds63Bits(length: 1 << 63),
            .protocolError, "payload length 0x8000000000000000 with its most significant bit set"),
        Row(
            "length 2^63 - 1", [frame(.binary, form: .sixtyFourBits, length: 1 << 63 - 1)],
            .messageTooBig(size: 1 << 63 - 1, limit: 1000), .messageTooBig,
            "message of at least 9223372036854775807 bytes exceeds the limit of 1000 (maximumMessageSize)"),
        Row(
            "one byte over the limit", [frame(.text, form: .sixteenBits, length: 1001)],
            .messageTooBig(size: 1001, limit: 1000), .messageTooBig, "message of at least 1001 bytes"),
        Row(
            "fragments over the limit",
            [
                RawFrame(.binary, [UInt8](repeating: 0, count: 900), fin: false, to: .client),
                RawFrame(.continuation, [UInt8](repeating: 0, count: 101), to: .client),
            ],
            .messageTooBig(size: 1001, limit: 1000), .messageTooBig, "message of at least 1001 bytes"),
        Row(
            "fragments whose lengths would overflow",
            [
                RawFrame(.binary, [UInt8](repeating: 0, count: 900), fin: false, to: .client),
                frame(.continuation, form: .sixtyFourBits, length: 1 << 63 - 1),
            ],
            .messageTooBig(size: 1 << 63 - 1 + 900, limit: 1000), .messageTooBig, "exceeds the limit of 1000"),
        Row(
            "continuation of nothing", [RawFrame(.continuation, [1], to: .client)], .continuationOfNothing,
            .protocolError, "continuation frame without a message to continue (RFC 6455 section 5.4)"),
        Row(
            "continuation after a whole message",
            [RawFrame(.text, [0x61], to: .client), RawFrame(.continuation, [0x62], to: .client)],
            .continuationOfNothing, .protocolError, "continuation frame without a message to continue"),
        Row(
            "message inside a message",
            [RawFrame(.text, [0x61], fin: false, to: .client), RawFrame(.text, [0x62], to: .client)],
            .messageInsideMessage(.text), .protocolError,
            "text frame before the fragmented message was finished (RFC 6455 section 5.4)"),
        Row(
            "another kind of message inside a message",
            [RawFrame(.text, [0x61], fin: false, to: .client), RawFrame(.binary, [], fin: false, to: .client)],
            .messageInsideMessage(.binary), .protocolError, "binary frame before the fragmented message"),
        Row(
            "invalid UTF-8", [RawFrame(.text, [0xC0, 0xAF], to: .client)], .textNotUTF8, .invalidFramePayloadData,
            "text message is not valid UTF-8 (RFC 6455 section 8.1)"),
        Row(
            "close body of one byte", [RawFrame(.close, [0x03], to: .client)], .closeBodyOfOneByte, .protocolError,
            "close frame with a body of one byte, which is no status code (RFC 6455 section 5.5.1)"),
        Row(
            "close code 1005", [RawFrame(.close, [0x03, 0xED], to: .client)], .closeCodeNotAllowed(1005),
            .protocolError, "close code 1005, which must not be sent (RFC 6455 section 7.4)"),
        Row(
            "close reason that is not UTF-8", [RawFrame(.close, [0x03, 0xE8, 0xFF], to: .client)],
            .closeReasonNotUTF8, .invalidFramePayloadData,
            "reason of the close frame is not valid UTF-8 (RFC 6455 section 5.5.1)"),
    ]

    @Test("Each violation ends the connection with its code and says what the peer did", arguments: rows)
    func violationHasItsCode(row: Row) throws {
        let received = MessageReader.read(row.bytes, role: row.role, limit: 1000)
        let violation = try #require(received.violation)
        #expect(violation.rule == row.rule)
        #expect(violation.closeCode == row.code)
        #expect(violation.description.contains(row.text), "\(violation)")
        let fault = row.code == .messageTooBig ? "The peer sent too much: " : "The peer broke the WebSocket protocol: "
        #expect(violation.description.hasPrefix(fault))
    }

    @Test("What came before the violation is delivered, and what comes after is not", arguments: rows)
    func messagesBeforeViolationAreDelivered(row: Row) {
        let good = RawFrame(.text, Array("before".utf8), to: row.role).bytes
        let bytes = good + row.bytes + RawFrame(.text, Array("after".utf8), to: row.role).bytes
        let received = MessageReader.read(bytes, role: row.role, limit: 1000)
        #expect(received.messages.first == .text("before"))
        #expect(!received.messages.contains(.text("after")))
        #expect(received.violation?.rule == row.rule)
    }

    @Test("A violation is the same wherever the reads cut the bytes", arguments: rows)
    func violationDoesNotDependOnReads(row: Row) {
        for cut in 0...row.bytes.count {
            let received = MessageReader.read(row.bytes, role: row.role, limit: 1000, cutAt: [cut])
            #expect(received.violation?.rule == row.rule, "cut at \(cut)")
        }
        let single = MessageReader.read(row.bytes, role: row.role, limit: 1000, cutAt: Array(1..<row.bytes.count))
        #expect(single.violation?.rule == row.rule)
    }

    @Test("Reserved opcodes are refused", arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8], Role.allCases)
    func reservedOpcodesAreRefused(opcode: UInt8, role: Role) throws {
        let received = MessageReader.read(RawFrame(first: 0x80 | opcode, to: role).bytes, role: role)
        let violation = try #require(received.violation)
        #expect(violation.rule == .reservedOpcode(opcode))
        #expect(violation.closeCode == .protocolError)
        #expect(violation.description.contains("reserved opcode 0x\(String(opcode, radix: 16, uppercase: true))"))
    }

    @Test("The reason for the peer fits into a close frame", arguments: rows)
    func reasonFitsCloseFrame(row: Row) {
        let frame = ProtocolViolation(row.rule).closeFrame
        #expect(frame.reason.utf8.count <= CloseFrame.maximumReasonSize)
        #expect(frame.asSent == frame)
        #expect(frame.code == row.code)
    }
}

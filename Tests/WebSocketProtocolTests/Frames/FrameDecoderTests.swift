import Testing

@testable import WebSocketProtocol

@Suite struct FrameDecoderTests {
    @Test("A frame cut by reads yields a piece per read, the first one with the header alone")
    func cutFrameYieldsPieces() throws {
        let frame = RawFrame(.binary, [10, 11, 12, 13, 14], to: .server).bytes
        var decoder = FrameDecoder(role: .server)
        var pieces: [(payload: [UInt8], starts: Bool, ends: Bool)] = []
        // Header (2 + 4 bytes), then three bytes of payload, then two.
        for range in [0..<6, 6..<9, 9..<11] {
            var chunk = Array(frame[range])
            try chunk.withUnsafeMutableBytes { chunk in
                var rest = chunk
                while let piece = try decoder.next(&rest) {
                    #expect(piece.header.payloadLength == 5)
                    #expect(piece.header.opcode == .binary)
                    pieces.append((Array(piece.payload), piece.startsFrame, piece.endsFrame))
                }
                #expect(rest.isEmpty)
            }
        }
        #expect(pieces.map(\.payload) == [[], [10, 11, 12], [13, 14]])
        #expect(pieces.map(\.starts) == [true, false, false])
        #expect(pieces.map(\.ends) == [false, false, true])
    }

    @Test("An empty payload ends with its header") func emptyPayloadEndsWithHeader() throws {
        var bytes = RawFrame(.pong, to: .client).bytes + RawFrame(.text, [0x61], to: .client).bytes
        var decoder = FrameDecoder(role: .client)
        try bytes.withUnsafeMutableBytes { bytes in
            var rest = bytes
            let pong = try decoder.next(&rest)
            #expect(pong?.header.opcode == .pong && pong?.startsFrame == true && pong?.endsFrame == true)
            #expect(pong?.payload.isEmpty == true)
            let text = try decoder.next(&rest)
            #expect(text?.startsFrame == true && text?.endsFrame == true)
            #expect(text.map { Array($0.payload) } == [0x61])
            let nothing = try decoder.next(&rest)
            #expect(nothing == nil)
        }
    }

    /// The rules that a header breaks are told from as few bytes as possible.
    @Test(
        "A bad header is refused at the byte that makes it bad",
        arguments: [
            ([0x83], .reservedOpcode(3)),
            ([0xC1], .reservedBits(0x40)),
            ([0x09], .fragmentedControlFrame(.ping)),
            ([0x81, 0x80], .maskedServerFrame),
            ([0x89, 0x7E], .oversizedControlFrame(.ping)),
            ([0x82, 0x7E, 0x00, 0x7D], .lengthNotMinimal(length: 125)),
            ([0x82, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], .lengthExceeds63Bits(length: 1 << 63)),
        ] as [([UInt8], ProtocolViolation.Rule)])
    func badHeaderIsRefusedAtItsByte(bytes: [UInt8], rule: ProtocolViolation.Rule) {
        var decoder = FrameDecoder(role: .client)
        for (index, byte) in bytes.enumerated() {
            var chunk = [byte]
            var violation: ProtocolViolation?
            chunk.withUnsafeMutableBytes { chunk in
                var rest = chunk
                do throws(ProtocolViolation) { _ = try decoder.next(&rest) } catch { violation = error }
            }
            #expect(violation?.rule == (index == bytes.count - 1 ? rule : nil))
        }
    }

    @Test("RSV1 is let through on the first frame of a message when an extension uses it")
    func rsv1IsLetThroughForExtension() throws {
        for opcode in [Opcode.text, .binary] {
            var bytes = RawFrame(opcode, [1], rsv: 4, to: .client).bytes
            var decoder = FrameDecoder(role: .client, allowsRSV1: true)
            try bytes.withUnsafeMutableBytes { bytes in
                var rest = bytes
                let piece = try decoder.next(&rest)
                #expect(piece?.header.rsv1 == true)
            }
        }
    }
}

import Testing

@testable import WebSocketProtocol

/// The seam for compression, tested with the plainest of codes: each byte stands for itself with all bits turned, and
/// the message ends with an exclamation mark that was not sent.
@Suite struct MessageInflaterTests {
    private final class Inverter: MessageInflater {
        func inflate(
            _ compressed: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int, budget: Int
        ) throws(ProtocolViolation) -> Int {
            for byte in compressed.prefix(budget) {
                guard output.count < limit else { throw ProtocolViolation(.messageTooBig(size: nil, limit: limit)) }
                guard byte != 0 else { throw ProtocolViolation(.compressedDataInvalid("a zero")) }
                output.append(~byte)
            }
            return min(compressed.count, budget)
        }

        func finishMessage(into output: inout [UInt8], limit: Int) throws(ProtocolViolation) {
            try [~UInt8(ascii: "!")].withUnsafeBufferPointer { bytes throws(ProtocolViolation) in
                _ = try inflate(UnsafeRawBufferPointer(bytes), into: &output, limit: limit, budget: .max)
            }
        }
    }

    private func read(_ frames: [RawFrame], limit: Int = 1000, cutAt cut: Int = 0) -> Received {
        var reader = MessageReader(role: .server, maximumMessageSize: limit, inflater: Inverter())
        let bytes = frames.flatMap(\.bytes)
        return reader.readAll([bytes[..<min(cut, bytes.count)], bytes[min(cut, bytes.count)...]])
    }

    private func inverted(_ text: String) -> [UInt8] { text.utf8.map { ~$0 } }

    @Test("Compressed and plain messages alternate, whole and fragmented, wherever the reads end")
    func compressedAndPlainAlternate() {
        let frames = [
            RawFrame(.text, inverted("whole"), rsv: 4, to: .server),
            RawFrame(.text, Array("plain".utf8), to: .server),
            RawFrame(.binary, inverted("frag"), fin: false, rsv: 4, to: .server),
            RawFrame(.ping, [1], to: .server),
            RawFrame(.continuation, inverted("ments"), to: .server),
            RawFrame(.text, Array("pl".utf8), fin: false, to: .server),
            RawFrame(.continuation, Array("ain".utf8), to: .server),
        ]
        let expected = Received(
            messages: [.text("whole!"), .text("plain"), .binary("fragments!".utf8), .text("plain")],
            pings: [[1]]
        )
        for cut in 0...frames.flatMap(\.bytes).count { #expect(read(frames, cutAt: cut) == expected) }
    }

    @Test("The limit is that of the inflated message") func limitIsOfInflatedMessage() {
        let frame = RawFrame(.text, inverted("12345"), rsv: 4, to: .server)
        #expect(read([frame], limit: 6).messages == [.text("12345!")])
        let violation = read([frame], limit: 5).violation
        #expect(violation?.rule == .messageTooBig(size: nil, limit: 5))
        #expect(violation?.closeCode == .messageTooBig)
        #expect(
            violation?.description.contains("compressed message inflates beyond the limit of 5 bytes") == true)
    }

    @Test("Inflated text must be UTF-8") func inflatedTextMustBeUTF8() {
        let frame = RawFrame(.text, [~0x61, ~0xC0], rsv: 4, to: .server)
        #expect(read([frame]).violation?.rule == .textNotUTF8)
    }

    @Test("Data that does not inflate is refused with 1007") func uninflatableIs1007() {
        let violation = read([RawFrame(.binary, [1, 0, 1], rsv: 4, to: .server)]).violation
        #expect(violation?.rule == .compressedDataInvalid("a zero"))
        #expect(violation?.closeCode == .invalidFramePayloadData)
        #expect(violation?.description.contains("compressed message cannot be inflated: a zero") == true)
    }

    @Test("RSV1 is refused on a frame that begins no message", arguments: [Opcode.continuation, .close, .ping, .pong])
    func rsv1OnContinuationIsRefused(opcode: Opcode) {
        let begin = RawFrame(.text, inverted("a"), fin: false, rsv: 4, to: .server)
        let violation = read([begin, RawFrame(opcode, [], rsv: 4, to: .server)]).violation
        #expect(violation?.rule == .compressionBitOutOfPlace(opcode))
        #expect(violation?.closeCode == .protocolError)
        #expect(violation?.description.contains("RSV1 set on a \(opcode) frame (RFC 7692 section 6)") == true)
    }

    @Test("The other reserved bits stay forbidden", arguments: [1, 2, 3, 5, 6, 7] as [UInt8])
    func otherReservedBitsAreForbidden(bits: UInt8) {
        let violation = read([RawFrame(.text, inverted("a"), rsv: bits, to: .server)]).violation
        #expect(violation?.rule == .reservedBits((bits & 3) << 4))
    }
}

import Testing

@testable import WebSocketTesting

@Suite struct FaultServerFrameTests {
    typealias Frame = FaultServer.Frame

    @Test(
        "A frame is written as RFC 6455 section 5.7 shows, and as section 5.2 forbids",
        arguments: [
            (Frame.text("Hello"), [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]),
            (
                Frame.text("Hello", maskKey: [0x37, 0xfa, 0x21, 0x3d]),
                [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
            ),
            (Frame.text("Hel", isFinal: false), [0x01, 0x03, 0x48, 0x65, 0x6c]),
            (Frame.continuation([0x6c, 0x6f]), [0x80, 0x02, 0x6c, 0x6f]),
            (Frame.ping([0x48]), [0x89, 0x01, 0x48]),
            (Frame.pong(), [0x8a, 0x00]),
            (Frame.close(1000, reason: "a"), [0x88, 0x03, 0x03, 0xe8, 0x61]),
            (Frame.close(nil), [0x88, 0x00]),
            (Frame(opcode: 0xB, reservedBits: 0b111), [0xfb, 0x00]),
            (
                Frame(opcode: 0x2, declaredLength: 1 << 63),
                [0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0]
            ),
            (Frame(opcode: 0x2, payload: [7], lengthForm: .sixteenBits), [0x82, 0x7e, 0x00, 0x01, 0x07]),
            (Frame(opcode: 0x2, payload: [7], lengthForm: .sixtyFourBits), [0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0, 1, 7]),
        ] as [(Frame, [UInt8])])
    func bytes(frame: Frame, bytes: [UInt8]) {
        #expect(frame.bytes == bytes)
    }

    @Test("A frame takes the shortest length form", arguments: [(125, 2), (126, 4), (0xFFFF, 4), (0x1_0000, 10)])
    func lengthForm(payload: Int, header: Int) {
        #expect(Frame.binary(Array(repeating: 0, count: payload)).bytes.count == header + payload)
    }

    @Test(
        "A frame is read back as it was written, and not from a part of it",
        arguments: [
            Frame.text("Hello", maskKey: [1, 2, 3, 4]),
            Frame.binary(Array(repeating: 9, count: 300)),
            Frame(opcode: 0x3, payload: [1], isFinal: false, reservedBits: 0b101),
            Frame(opcode: 0x2, payload: [7], lengthForm: .sixteenBits),
            Frame(opcode: 0x2, payload: [7], lengthForm: .sixtyFourBits),
            Frame.close(nil),
        ])
    func parse(frame: Frame) throws {
        let bytes = frame.bytes
        for end in 0..<bytes.count {
            #expect(Frame.parse([0xFF] + bytes[..<end], at: 1) == nil)
        }
        let parsed = try #require(Frame.parse([0xFF] + bytes + [0xFF], at: 1))
        #expect(parsed.frame == frame)
        #expect(parsed.length == bytes.count)
    }

    @Test("A length beyond any array is no frame yet")
    func hugeLength() {
        #expect(Frame.parse(Frame(opcode: 0x2, payload: [1], declaredLength: .max).bytes, at: 0) == nil)
    }
}

import Testing

@testable import WebSocketProtocol

@Suite struct FrameEncoderTests {
    /// RFC 6455 section 5.7.
    @Test func `the RFC's examples are written byte for byte`() throws {
        #expect(try encode(.text, Array("Hello".utf8), role: .server) == [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])
        #expect(
            try encode(.text, Array("Hel".utf8), fin: false, role: .server) == [0x01, 0x03, 0x48, 0x65, 0x6c])
        #expect(try encode(.continuation, Array("lo".utf8), role: .server) == [0x80, 0x02, 0x6c, 0x6f])
        #expect(try encode(.binary, [UInt8](repeating: 7, count: 256), role: .server).prefix(4) == [0x82, 0x7E, 0x01, 0x00])
    }

    private func encode(_ opcode: Opcode, _ payload: [UInt8], fin: Bool = true, role: Role) throws -> [UInt8] {
        var encoder = FrameEncoder(role: role, maskingKeys: MaskingKeySource(.seeded(1)))
        let buffer = FrameBuffer()
        try encoder.encode(opcode, payload: payload, fin: fin, into: buffer)
        return Array(buffer.bytes)
    }
}

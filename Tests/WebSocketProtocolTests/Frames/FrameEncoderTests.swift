import Testing

@testable import WebSocketProtocol

@Suite struct FrameEncoderTests {
    /// RFC 6455 section 5.7.
    @Test("The RFC's unmasked examples are written byte for byte") func unmaskedExamples() throws {
        #expect(try encode(.text, Array("Hello".utf8), role: .server) == [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])
        #expect(try encode(.text, Array("Hel".utf8), fin: false, role: .server) == [0x01, 0x03, 0x48, 0x65, 0x6c])
        #expect(try encode(.continuation, Array("lo".utf8), role: .server) == [0x80, 0x02, 0x6c, 0x6f])
        let long = [UInt8](repeating: 7, count: 256)
        #expect(try encode(.binary, long, role: .server) == [0x82, 0x7E, 0x01, 0x00] + long)
        let longer = [UInt8](repeating: 7, count: 65536)
        #expect(
            try encode(.binary, longer, role: .server)
                == [0x82, 0x7F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00] + longer)
    }

    /// RFC 6455 section 5.7: the same text, masked with the key 0x37FA213D.
    @Test("The RFC's masked example is written byte for byte") func maskedExample() throws {
        let source = RandomByteSource { bytes in
            for index in bytes.indices { bytes[index] = [0x37, 0xFA, 0x21, 0x3D][index % 4] }
        }
        var encoder = FrameEncoder(role: .client, maskingKeys: MaskingKeySource(source))
        let buffer = FrameBuffer()
        try encoder.encode(.text, payload: "Hello".utf8, into: buffer)
        #expect(
            Array(buffer.bytes) == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
    }

    @Test("Opcode, fin, rsv1 and mask end up in their bits", arguments: Opcode.allCases, Role.allCases)
    func fieldsEndUpInTheirBits(opcode: Opcode, role: Role) throws {
        for (fin, rsv1) in [(true, false), (false, false), (true, true), (false, true)] {
            let bytes = try encode(opcode, [1, 2, 3], fin: fin, rsv1: rsv1, role: role)
            #expect(bytes[0] == (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode.rawValue)
            #expect(bytes[1] == (role == .client ? 0x83 : 0x03))
            #expect(bytes.count == (role == .client ? 9 : 5))
        }
    }

    @Test(
        "A length takes its shortest form",
        arguments: [
            (0, [0x00]), (1, [0x01]), (125, [0x7D]),
            (126, [0x7E, 0x00, 0x7E]), (127, [0x7E, 0x00, 0x7F]), (65535, [0x7E, 0xFF, 0xFF]),
            (65536, [0x7F, 0, 0, 0, 0, 0, 1, 0, 0]), (1 << 20, [0x7F, 0, 0, 0, 0, 0, 0x10, 0, 0]),
        ] as [(Int, [UInt8])])
    func lengthTakesShortestForm(length: Int, form: [UInt8]) throws {
        let payload = [UInt8](repeating: 0x5A, count: length)
        let fromServer = try encode(.binary, payload, role: .server)
        #expect(Array(fromServer[1..<(1 + form.count)]) == form)
        #expect(fromServer.count == 1 + form.count + length)
        var masked = form
        masked[0] |= 0x80
        let fromClient = try encode(.binary, payload, role: .client)
        #expect(Array(fromClient[1..<(1 + form.count)]) == masked)
        #expect(fromClient.count == 1 + form.count + 4 + length)
    }

    @Test("Frames line up one behind the other in a buffer") func framesLineUp() throws {
        var encoder = FrameEncoder(role: .server, maskingKeys: MaskingKeySource(.seeded(1)))
        let buffer = FrameBuffer()
        try encoder.encode(.text, payload: "a".utf8, into: buffer)
        try encoder.encode(.ping, payload: [], into: buffer)
        try encoder.encode(CloseFrame(code: .goingAway, reason: "x"), into: buffer)
        #expect(
            Array(buffer.bytes) == [0x81, 0x01, 0x61, 0x89, 0x00, 0x88, 0x03, 0x03, 0xE9, 0x78])
    }

    @Test("A sequence without contiguous storage is encoded as well") func sequenceWithoutContiguousStorage() throws {
        var encoder = FrameEncoder(role: .server, maskingKeys: MaskingKeySource(.seeded(1)))
        let buffer = FrameBuffer()
        try encoder.encode(.binary, payload: (0..<200).lazy.map { UInt8($0) }, into: buffer)
        #expect(Array(buffer.bytes) == [0x82, 0x7E, 0x00, 0xC8] + (0..<200))
    }

    @Test("Without a random mask nothing is written") func noRandomMaskWritesNothing() throws {
        let source = RandomByteSource { _ throws(RandomSourceFailure) in
            throw RandomSourceFailure(description: "the entropy pool is gone")
        }
        var encoder = FrameEncoder(role: .client, maskingKeys: MaskingKeySource(source))
        let buffer = FrameBuffer()
        var failure: RandomSourceFailure?
        do {
            try encoder.encode(.text, payload: "secret".utf8, into: buffer)
        } catch {
            failure = error
        }
        #expect(failure?.description == "the entropy pool is gone")
        #expect(buffer.isEmpty)
    }

    private func encode(
        _ opcode: Opcode, _ payload: [UInt8], fin: Bool = true, rsv1: Bool = false, role: Role
    ) throws -> [UInt8] {
        var encoder = FrameEncoder(role: role, maskingKeys: MaskingKeySource(.seeded(1)))
        let buffer = FrameBuffer()
        try encoder.encode(opcode, payload: payload, fin: fin, rsv1: rsv1, into: buffer)
        return Array(buffer.bytes)
    }
}

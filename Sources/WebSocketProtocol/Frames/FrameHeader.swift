/// The header of one frame (RFC 6455 section 5.2), already found to keep the rules that a header alone can break.
package struct FrameHeader: Hashable, Sendable {
    package static let maximumByteCount = 14

    package let opcode: Opcode
    package let fin: Bool
    package let rsv1: Bool
    package let payloadLength: Int
    /// `nil` for a frame that is not masked; see ``MaskingKeySource/next()`` for its byte order.
    package let maskingKey: UInt32?
    /// The length of the header in bytes.
    package let byteCount: Int

    /// Reads a header, as far as it has arrived.
    /// - Parameters:
    ///   - receiver: The role of this side: a server demands masks, a client refuses them.
    ///   - allowsRSV1: An extension that uses RSV1 was negotiated.
    /// - Returns: `nil` when more bytes are needed.
    /// - Throws: A violation as soon as the bytes that are there break a rule.
    @inline(__always)
    static func parse(
        _ bytes: UnsafeRawPointer, count: Int, receiver: Role, allowsRSV1: Bool
    ) throws(ProtocolViolation) -> FrameHeader? {
        guard count > 0 else { return nil }
        let first = bytes.load(as: UInt8.self)
        let reserved = first & (allowsRSV1 ? 0x30 : 0x70)
        guard reserved == 0 else { throw ProtocolViolation(.reservedBits(reserved)) }
        guard let opcode = Opcode(rawValue: first & 0x0F) else {
            throw ProtocolViolation(.reservedOpcode(first & 0x0F))
        }
        let fin = first & 0x80 != 0
        let rsv1 = first & 0x40 != 0
        guard fin || !opcode.isControl else { throw ProtocolViolation(.fragmentedControlFrame(opcode)) }
        guard !rsv1 || opcode == .text || opcode == .binary else {
            throw ProtocolViolation(.compressionBitOutOfPlace(opcode))
        }

        guard count > 1 else { return nil }
        let second = bytes.load(fromByteOffset: 1, as: UInt8.self)
        let isMasked = second & 0x80 != 0
        guard isMasked == (receiver == .server) else {
            throw ProtocolViolation(isMasked ? .maskedServerFrame : .unmaskedClientFrame)
        }
        let shortLength = second & 0x7F
        guard shortLength <= Opcode.maximumControlPayload || !opcode.isControl else {
            throw ProtocolViolation(.oversizedControlFrame(opcode))
        }

        let lengthBytes = shortLength < 126 ? 0 : shortLength == 126 ? 2 : 8
        guard count >= 2 + lengthBytes else { return nil }
        let length: UInt64
        switch lengthBytes {
        case 0:
            length = UInt64(shortLength)
        case 2:
            length = UInt64(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard length > 125 else { throw ProtocolViolation(.lengthNotMinimal(length: length)) }
        default:
            length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard length >> 63 == 0 else { throw ProtocolViolation(.lengthExceeds63Bits(length: length)) }
            guard length > 0xFFFF else { throw ProtocolViolation(.lengthNotMinimal(length: length)) }
        }

        var maskingKey: UInt32?
        if isMasked {
            guard count >= 6 + lengthBytes else { return nil }
            maskingKey = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 + lengthBytes, as: UInt32.self))
        }
        return FrameHeader(
            opcode: opcode,
            fin: fin,
            rsv1: rsv1,
            payloadLength: Int(length),
            maskingKey: maskingKey,
            byteCount: 2 + lengthBytes + (isMasked ? 4 : 0)
        )
    }
}

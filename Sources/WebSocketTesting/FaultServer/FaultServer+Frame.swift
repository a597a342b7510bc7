extension FaultServer {
    /// A WebSocket frame (RFC 6455 section 5.2) whose every field can be wrong.
    public struct Frame: Hashable, Sendable {
        /// The number of bytes that the payload's length takes on the wire.
        public enum LengthForm: Sendable {
            /// The fewest that can hold it, as section 5.2 demands.
            case shortest
            /// The 7-bit form's two-byte extension.
            case sixteenBits
            /// The 7-bit form's eight-byte extension.
            case sixtyFourBits
        }

        /// The FIN bit.
        public var isFinal: Bool
        /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
        public var reservedBits: UInt8
        /// The opcode, 0 to 15.
        public var opcode: UInt8
        /// Four bytes to mask the payload with, or `nil` for an unmasked frame. Frames of a server are not masked. Any other
        /// number of bytes is written and used all the same, which no peer can read.
        public var maskKey: [UInt8]?
        /// The payload before masking.
        public var payload: [UInt8]
        /// The value of the length field when that is not the payload's length.
        public var declaredLength: UInt64?
        /// The number of bytes that the length takes.
        public var lengthForm: LengthForm

        /// A frame whose fields are right unless told otherwise, except for the opcode.
        public init(
            opcode: UInt8,
            payload: [UInt8] = [],
            isFinal: Bool = true,
            reservedBits: UInt8 = 0,
            maskKey: [UInt8]? = nil,
            declaredLength: UInt64? = nil,
            lengthForm: LengthForm = .shortest
        ) {
            self.opcode = opcode
            self.payload = payload
            self.isFinal = isFinal
            self.reservedBits = reservedBits
            self.maskKey = maskKey
            self.declaredLength = declaredLength
            self.lengthForm = lengthForm
        }

        /// A continuation frame (opcode 0).
        public static func continuation(_ payload: [UInt8], isFinal: Bool = true) -> Frame {
            Frame(opcode: 0x0, payload: payload, isFinal: isFinal)
        }

        /// A text frame (opcode 1).
        public static func text(_ text: String, isFinal: Bool = true, maskKey: [UInt8]? = nil) -> Frame {
            Frame(opcode: 0x1, payload: Array(text.utf8), isFinal: isFinal, maskKey: maskKey)
        }

        /// A binary frame (opcode 2).
        public static func binary(_ payload: [UInt8], isFinal: Bool = true) -> Frame {
            Frame(opcode: 0x2, payload: payload, isFinal: isFinal)
        }

        /// A ping (opcode 9). Its payload may be too long, more than 125 bytes.
        public static func ping(_ payload: [UInt8] = []) -> Frame {
            Frame(opcode: 0x9, payload: payload)
        }

        /// A pong (opcode 10). Its payload may be too long, more than 125 bytes.
        public static func pong(_ payload: [UInt8] = []) -> Frame {
            Frame(opcode: 0xA, payload: payload)
        }

        /// A close frame; without a code its payload is empty. Any number is written as it is.
        public static func close(_ code: UInt16?, reason: String = "") -> Frame {
            let payload = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + Array(reason.utf8) }
            return Frame(opcode: 0x8, payload: payload ?? [])
        }

        /// The frame as it goes over the wire.
        public var bytes: [UInt8] {
            let length = declaredLength ?? UInt64(payload.count)
            var bytes = [(isFinal ? 0x80 : 0) | (reservedBits & 0x7) << 4 | opcode & 0xF]
            let maskBit: UInt8 = maskKey == nil ? 0 : 0x80
            switch (lengthForm, length) {
            case (.shortest, ..<126):
                bytes.append(maskBit | UInt8(length))
            case (.shortest, ..<0x1_0000), (.sixteenBits, _):
                bytes.append(maskBit | 126)
                bytes += UInt16(truncatingIfNeeded: length).bigEndianBytes
            case (.shortest, _), (.sixtyFourBits, _):
                bytes.append(maskBit | 127)
                bytes += length.bigEndianBytes
            }
            guard let maskKey, !maskKey.isEmpty else { return bytes + payload }
            return bytes + maskKey + zip(payload, 0...).map { byte, offset in byte ^ maskKey[offset % maskKey.count] }
        }

        /// The frame at `offset`, unmasked, and how many bytes it takes; `nil` while it is incomplete.
        static func parse(_ bytes: [UInt8], at offset: Int) -> (frame: Frame, length: Int)? {
            var position = offset
            func number(_ count: Int) -> UInt64? {
                guard bytes.count - position >= count else { return nil }
                defer { position += count }
                return bytes[position..<position + count].reduce(0) { $0 << 8 | UInt64($1) }
            }
            guard let first = number(1), let second = number(1) else { return nil }
            var form = LengthForm.shortest
            var length = second & 0x7F
            if length >= 126 {
                let isShort = length == 126
                guard let extended = number(isShort ? 2 : 8) else { return nil }
                let isShortest = extended >= (isShort ? 126 : 0x1_0000)
                form = isShortest ? .shortest : isShort ? .sixteenBits : .sixtyFourBits
                length = extended
            }
            var maskKey: [UInt8]?
            if second & 0x80 != 0 {
                guard bytes.count - position >= 4 else { return nil }
                maskKey = Array(bytes[position..<position + 4])
                position += 4
            }
            guard UInt64(bytes.count - position) >= length else { return nil }
            let end = position + Int(length)
            let masked = bytes[position..<end]
            let payload = maskKey.map { key in zip(masked, 0...).map { $0 ^ key[$1 % 4] } } ?? Array(masked)
            let frame = Frame(
                opcode: UInt8(first & 0xF),
                payload: payload,
                isFinal: first & 0x80 != 0,
                reservedBits: UInt8(first >> 4 & 0x7),
                maskKey: maskKey,
                lengthForm: form
            )
            return (frame, end - offset)
        }
    }
}

extension FaultServer.Frame: CustomStringConvertible {
    /// The fields that differ from those of an ordinary frame, and how the payload begins.
    public var description: String {
        var fields = ["opcode 0x\(String(opcode, radix: 16))"]
        if !isFinal { fields.append("not final") }
        if reservedBits != 0 { fields.append("reserved bits 0b\(String(reservedBits, radix: 2))") }
        if let maskKey { fields.append("masked with \(maskKey)") }
        if lengthForm != .shortest { fields.append("length in \(lengthForm)") }
        if let declaredLength { fields.append("declared length \(declaredLength)") }
        let beginning = payload.prefix(16).map(String.init).joined(separator: ", ")
        fields.append("\(payload.count) bytes [\(beginning)\(payload.count > 16 ? ", …" : "")]")
        return "Frame(\(fields.joined(separator: ", ")))"
    }
}

extension FixedWidthInteger {
    fileprivate var bigEndianBytes: [UInt8] {
        withUnsafeBytes(of: bigEndian) { Array($0) }
    }
}

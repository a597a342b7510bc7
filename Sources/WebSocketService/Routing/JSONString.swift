/// The escapes of a JSON string (RFC 8259 section 7).
enum JSONString {
    /// The string between the quotes without its escapes; `nil` when an escape is not one.
    ///
    /// A `\u` surrogate without its partner becomes U+FFFD, as a Swift string cannot hold it.
    static func unescape(_ bytes: Span<UInt8>) -> String? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            guard byte == .backslash else {
                result.append(byte)
                continue
            }
            guard position < bytes.count else { return nil }
            let escape = bytes[position]
            position += 1
            switch escape {
            case .quote, .backslash, UInt8(ascii: "/"): result.append(escape)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                guard let scalar = scalar(at: &position, in: bytes) else { return nil }
                result.append(contentsOf: String(scalar).utf8)
            default: return nil
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func scalar(at position: inout Int, in bytes: Span<UInt8>) -> Unicode.Scalar? {
        guard let unit = hexUnit(at: position, in: bytes) else { return nil }
        position += 4
        if UTF16.isLeadSurrogate(unit), position + 6 <= bytes.count,
            bytes[position] == .backslash, bytes[position + 1] == UInt8(ascii: "u"),
            let trail = hexUnit(at: position + 2, in: bytes), UTF16.isTrailSurrogate(trail)
        {
            position += 6
            return UTF16.decode(UTF16.EncodedScalar([unit, trail]))
        }
        return Unicode.Scalar(unit) ?? "\u{FFFD}"
    }

    private static func hexUnit(at position: Int, in bytes: Span<UInt8>) -> UInt16? {
        guard position + 4 <= bytes.count else { return nil }
        var unit: UInt16 = 0
        for offset in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[position + offset])).hexDigitValue else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}

extension JSONString {
    /// The string with its quotes, as JSON text.
    static func escape(_ string: String) -> [UInt8] {
        var result: [UInt8] = [.quote]
        for byte in string.utf8 {
            switch byte {
            case .quote, .backslash:
                result += [.backslash, byte]
            case 0x00...0x1F:
                let hex = String(byte, radix: 16)
                result += "\\u".utf8
                result += String(repeating: "0", count: 4 - hex.count).utf8
                result += hex.utf8
            default:
                result.append(byte)
            }
        }
        result.append(.quote)
        return result
    }
}

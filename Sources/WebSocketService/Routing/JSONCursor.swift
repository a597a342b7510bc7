/// A position in a JSON text, moved over one token at a time.
struct JSONCursor {
    struct StringToken {
        /// Between the quotes.
        let range: Range<Int>
        let hasEscapes: Bool
    }

    private(set) var position = 0

    /// RFC 8259 section 8.1 lets a parser ignore a byte order mark.
    mutating func skipByteOrderMark(in bytes: Span<UInt8>) {
        guard bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF else { return }
        position = 3
    }

    /// Skips white space, then this byte if it is there.
    mutating func skip(_ byte: UInt8, in bytes: Span<UInt8>) -> Bool {
        skipWhitespace(in: bytes)
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipWhitespace(in bytes: Span<UInt8>) {
        while position < bytes.count, bytes[position].isJSONWhitespace { position += 1 }
    }

    /// Skips the rest of a string whose opening quote is behind the position; `nil` when it does not end.
    mutating func skipString(in bytes: Span<UInt8>) -> StringToken? {
        let start = position
        var hasEscapes = false
        while true {
            position = Self.nextQuoteOrBackslash(from: position, in: bytes)
            guard position < bytes.count else { return nil }
            if bytes[position] == .quote {
                position += 1
                return StringToken(range: start..<(position - 1), hasEscapes: hasEscapes)
            }
            hasEscapes = true
            position += 2
        }
    }

    /// Eight bytes at a time: text messages are mostly strings.
    private static func nextQuoteOrBackslash(from start: Int, in bytes: Span<UInt8>) -> Int {
        var position = start
        let raw = bytes.bytes
        while position <= raw.byteCount - 8 {
            // The guard above keeps the eight bytes inside; every bit pattern is a UInt64.
            let word = raw.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian
            let found = word.zeroBytes(xor: .quote) | word.zeroBytes(xor: .backslash)
            if found != 0 { return position + found.trailingZeroBitCount / 8 }
            position += 8
        }
        while position < bytes.count, bytes[position] != .quote, bytes[position] != .backslash { position += 1 }
        return position
    }

    mutating func value(in bytes: Span<UInt8>) -> JSONKeyScanner.Value? {
        skipWhitespace(in: bytes)
        guard position < bytes.count else { return nil }
        switch bytes[position] {
        case .quote:
            position += 1
            return skipString(in: bytes).map { .string($0.range, hasEscapes: $0.hasEscapes) }
        case .openBrace, .openBracket:
            return .objectOrArray
        default:
            let start = position
            skipLiteral(in: bytes)
            return position > start ? .literal(start..<position) : nil
        }
    }

    mutating func skipValue(in bytes: Span<UInt8>) -> Bool {
        skipWhitespace(in: bytes)
        guard position < bytes.count else { return false }
        switch bytes[position] {
        case .quote:
            position += 1
            return skipString(in: bytes) != nil
        case .openBrace, .openBracket:
            return skipObjectOrArray(in: bytes)
        default:
            let start = position
            skipLiteral(in: bytes)
            return position > start
        }
    }

    /// By counting, not by recursion: a peer may nest as deep as a message is long.
    private mutating func skipObjectOrArray(in bytes: Span<UInt8>) -> Bool {
        var depth = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case .openBrace, .openBracket:
                depth += 1
            case .closeBrace, .closeBracket:
                depth -= 1
                if depth == 0 { return true }
            case .quote:
                guard skipString(in: bytes) != nil else { return false }
            default:
                continue
            }
        }
        return false
    }

    private mutating func skipLiteral(in bytes: Span<UInt8>) {
        while position < bytes.count, !bytes[position].endsJSONLiteral { position += 1 }
    }
}

extension UInt64 {
    /// Has the top bit set in the lowest byte that equals this one, and in no byte below it.
    fileprivate func zeroBytes(xor byte: UInt8) -> UInt64 {
        let difference = self ^ (UInt64(byte) &* 0x0101_0101_0101_0101)
        return (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
    }
}

extension UInt8 {
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let colon = UInt8(ascii: ":")
    static let comma = UInt8(ascii: ",")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")

    fileprivate var isJSONWhitespace: Bool {
        self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D
    }

    fileprivate var endsJSONLiteral: Bool {
        self == .comma || self == .closeBrace || self == .closeBracket || isJSONWhitespace
    }
}

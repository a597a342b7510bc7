/// Finds the value of one top-level key in a JSON object (RFC 8259) without decoding the rest.
///
/// Correct on any valid JSON. Of invalid JSON it sees only as much as it needs: it may find the key in a text that a parser
/// would refuse, but never reads outside the text, recurses or allocates. Of a key that occurs twice the first one wins.
struct JSONKeyScanner: Sendable {
    enum Value: Equatable {
        /// Between the quotes.
        case string(Range<Int>, hasEscapes: Bool)
        /// A number, `true`, `false` or `null`, as it is written.
        case literal(Range<Int>)
        case objectOrArray
    }

    /// The UTF-8 bytes of the key, without escapes.
    private let key: [UInt8]

    init(key: String) {
        self.key = Array(key.utf8)
    }

    func firstValue(in bytes: Span<UInt8>) -> Value? {
        var cursor = JSONCursor()
        cursor.skipByteOrderMark(in: bytes)
        guard cursor.skip(.openBrace, in: bytes) else { return nil }
        repeat {
            guard cursor.skip(.quote, in: bytes), let name = cursor.skipString(in: bytes),
                cursor.skip(.colon, in: bytes)
            else { return nil }
            if isKey(name, in: bytes) { return cursor.value(in: bytes) }
            guard cursor.skipValue(in: bytes) else { return nil }
        } while cursor.skip(.comma, in: bytes)
        return nil
    }

    /// The value as text: a string without its escapes, a number, `true`, `false` or `null` as it is written; `nil`
    /// when there is no such key, or its value is an object or array.
    func firstText(in bytes: Span<UInt8>) -> String? {
        switch firstValue(in: bytes) {
        case .string(let range, hasEscapes: true):
            JSONString.unescape(bytes.extracting(range))
        case .string(let range, hasEscapes: false), .literal(let range):
            String(copying: bytes.extracting(range))
        case .objectOrArray, nil:
            nil
        }
    }

    private func isKey(_ name: JSONCursor.StringToken, in bytes: Span<UInt8>) -> Bool {
        if name.hasEscapes {
            return JSONString.unescape(bytes.extracting(name.range)).map { $0.utf8.elementsEqual(key) } ?? false
        }
        guard name.range.count == key.count else { return false }
        for offset in key.indices where bytes[name.range.lowerBound + offset] != key[offset] { return false }
        return true
    }
}

extension String {
    /// Up to 15 bytes fit into the string itself, so that a short route costs no allocation.
    init(copying bytes: Span<UInt8>) {
        self = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}

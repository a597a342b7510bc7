import HTTPTypes

extension HTTPFields {
    /// Bounds the cost of looking a header up. The bytes of a head are bounded too; many of its lines may be short.
    static let maximumReceivedCount = 1_000

    /// Adds one line of a head as it was received (RFC 9112 section 5), name and value to the letter.
    mutating func append(line: [UInt8]) throws(HTTPViolation) {
        guard count < Self.maximumReceivedCount else {
            throw HTTPViolation(.tooManyFields(limit: Self.maximumReceivedCount))
        }
        guard let first = line.first, !HeaderSyntax.isBlank(first) else {
            throw HTTPViolation(.foldedLine(HeaderSyntax.quoted(bytes: line)))
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            throw HTTPViolation(.noColon(HeaderSyntax.quoted(bytes: line)))
        }
        guard let name = HTTPField.Name(String(decoding: line[..<colon], as: UTF8.self)) else {
            let isBlankBeforeColon = line[..<colon].last.map(HeaderSyntax.isBlank) ?? false
            let shown = HeaderSyntax.quoted(bytes: line)
            throw HTTPViolation(isBlankBeforeColon ? .blankBeforeColon(shown) : .fieldName(shown))
        }
        let value = HeaderSyntax.trimmed(line[(colon + 1)...])
        if let byte = value.first(where: { !HeaderSyntax.isFieldValueByte($0) }) {
            throw HTTPViolation(.controlCharacter(byte, field: HeaderSyntax.quoted(name.rawName)))
        }
        append(HTTPField(name: name, value: value))
    }
}

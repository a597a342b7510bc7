import HTTPTypes

/// The pieces of HTTP header syntax (RFC 9110 section 5.6) that the opening handshake is made of.
enum HeaderSyntax {
    static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isTokenCharacter)
    }

    /// Tabs and everything from the space up except DEL: what a field value may hold (RFC 9110 section 5.5).
    static func isFieldValueByte(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\t") || (byte >= 0x20 && byte != 0x7F)
    }

    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let first = bytes.first, isBlank(first) { bytes.removeFirst() }
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return bytes
    }

    /// ASCII letters in lower case; everything else as it is. Unlike `lowercased()`, no other letter becomes ASCII.
    static func lowercased(_ text: some StringProtocol) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// A visible rendering of what a peer or a user wrote, short enough for an error message.
    static func quoted(_ text: some StringProtocol) -> String {
        let shown = text.unicodeScalars.prefix(100).map { $0.escaped(asASCII: true) }.joined()
        return "\"\(shown)\(text.unicodeScalars.count > 100 ? "…" : "")\""
    }

    /// The same for bytes that may be no text at all: each is shown by itself.
    static func quoted(bytes: some Collection<UInt8>) -> String {
        // One byte more than is shown, for the ellipsis.
        quoted(latin1(bytes.prefix(101)))
    }

    /// Bytes as ISO Latin 1, which every byte is.
    static func latin1(_ bytes: some Collection<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }
}

extension HTTPField {
    /// The reason why a program may not add this field to an opening handshake, on either side; `nil` when it may.
    var handshakeProblem: String? {
        let name = name.rawName
        guard HeaderSyntax.isToken(name) else {
            return "Header name \(HeaderSyntax.quoted(name)) is not a token (RFC 9110 section 5.1)."
        }
        guard !Self.belongsToHandshake(HeaderSyntax.lowercased(name)) else {
            return "Header \(name) belongs to the opening handshake itself and cannot be set (RFC 6455 section 4)."
        }
        return withUnsafeBytesOfValue { $0.firstIndex { !HeaderSyntax.isFieldValueByte($0) } }.map { offset in
            "The value of header \(name) has a control character at byte \(offset) (RFC 9110 section 5.5)."
        }
    }

    private static func belongsToHandshake(_ lowercasedName: String) -> Bool {
        switch lowercasedName {
        case "host", "upgrade", "connection", "content-length", "transfer-encoding": true
        default: lowercasedName.hasPrefix("sec-websocket-")
        }
    }
}

extension HTTPFields {
    /// The members of a field that is a comma-separated list, from all its lines (RFC 9110 section 5.6.1), without
    /// empty ones. Not for fields whose members may hold quoted commas.
    func listMembers(_ name: HTTPField.Name) -> [String] {
        self[values: name].flatMap { value in
            Array(value.utf8).split(separator: UInt8(ascii: ","))
                .map { String(decoding: HeaderSyntax.trimmed($0), as: UTF8.self) }
                .filter { !$0.isEmpty }
        }
    }

    /// Tells whether a list field has this member, in any case.
    func listContains(_ name: HTTPField.Name, _ member: String) -> Bool {
        listMembers(name).contains { HeaderSyntax.lowercased($0) == member }
    }
}

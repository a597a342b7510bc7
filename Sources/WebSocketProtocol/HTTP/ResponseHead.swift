package import HTTPTypes

/// Status line and headers of a response, as the server sent them.
package struct ResponseHead: Hashable, Sendable {
    /// Of HTTP/1: 1, or 0 for an old server.
    package let minorVersion: Int
    /// 100-599. The reason phrase is read as ISO Latin 1, byte by byte.
    package let status: HTTPResponse.Status
    /// All of them, in the server's order and spelling.
    package internal(set) var headers = HTTPFields()

    /// Reads a status line (RFC 9112 section 4). The blank before a reason phrase that is empty may be missing.
    init(statusLine line: [UInt8]) throws(HTTPViolation) {
        let blank = UInt8(ascii: " ")
        let version = line.prefix { $0 != blank }
        guard version.count == 8, version.starts(with: "HTTP/1.".utf8), let minor = Self.digit(version[7]) else {
            throw HTTPViolation(.version(HeaderSyntax.quoted(bytes: version)))
        }
        guard line.count > version.count else { throw HTTPViolation(.statusLine(HeaderSyntax.quoted(bytes: line))) }
        let rest = line[(version.count + 1)...]
        let code = rest.prefix { $0 != blank }
        let number = code.reduce(Int?(0)) { number, byte in
            guard let number, let digit = Self.digit(byte), code.count == 3 else { return nil }
            return number * 10 + digit
        }
        guard let number, (100...599).contains(number) else {
            throw HTTPViolation(.status(HeaderSyntax.quoted(bytes: code)))
        }
        let reason = rest[code.endIndex...].dropFirst()
        guard reason.allSatisfy(HeaderSyntax.isFieldValueByte) else {
            throw HTTPViolation(.statusLine(HeaderSyntax.quoted(bytes: line)))
        }
        minorVersion = minor
        status = HTTPResponse.Status(code: number, reasonPhrase: HeaderSyntax.latin1(reason))
    }

    private static func digit(_ byte: UInt8) -> Int? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
    }
}

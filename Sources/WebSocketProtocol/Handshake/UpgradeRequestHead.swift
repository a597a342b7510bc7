package import HTTPTypes

/// The head of a request as a server received it.
package struct UpgradeRequestHead: Hashable, Sendable {
    package let method: String
    /// As it stands in the request line.
    package let target: String
    package let version: String
    package internal(set) var headers = HTTPFields()
}

extension UpgradeRequestHead {
    /// RFC 9112 section 3.
    init(requestLine line: [UInt8]) throws(HTTPViolation) {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3,
            HeaderSyntax.isToken(String(decoding: parts[0], as: UTF8.self)),
            !parts[1].isEmpty, parts[1].allSatisfy({ (0x21...0x7E).contains($0) }),
            Self.isVersion(Array(parts[2]))
        else { throw HTTPViolation(.requestLine(HeaderSyntax.quoted(bytes: line))) }
        self.init(
            method: String(decoding: parts[0], as: UTF8.self),
            target: String(decoding: parts[1], as: UTF8.self),
            version: String(decoding: parts[2], as: UTF8.self))
    }

    /// RFC 9112 section 2.3.
    private static func isVersion(_ version: [UInt8]) -> Bool {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return version.count == 8 && version.starts(with: "HTTP/".utf8)
            && digits.contains(version[5]) && version[6] == UInt8(ascii: ".") && digits.contains(version[7])
    }
}

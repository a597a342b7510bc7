/// A fault in the head of an HTTP/1.1 message that a peer sent, response or request (RFC 9112).
package struct HTTPViolation: Error, Hashable {
    package enum Rule: Hashable, Sendable {
        /// Some other protocol; with what it begins.
        case notHTTP(String)
        case statusLine(String)
        case requestLine(String)
        case version(String)
        /// No number from 100 to 599.
        case status(String)
        /// A line that ends with LF alone, where that is not accepted.
        case lineEnding
        case foldedLine(String)
        case noColon(String)
        case blankBeforeColon(String)
        case fieldName(String)
        case controlCharacter(UInt8, field: String)
        case tooManyFields(limit: Int)
        case headTooLarge(limit: Int)
        case tooManyInterimResponses(limit: Int)
        /// 101 in answer to a request that asked for no other protocol.
        case unaskedSwitch
        /// 101 from a server that speaks HTTP/1.0, which has no Upgrade.
        case switchInHTTP10
    }

    /// The number of bytes of another protocol's beginning that are shown.
    static let excerptSize = 60

    package let rule: Rule

    init(_ rule: Rule) {
        self.rule = rule
    }

    /// The peer speaks another protocol altogether.
    package var isNotHTTP: Bool {
        if case .notHTTP = rule { true } else { false }
    }

    /// - Parameter beginning: The bytes that have arrived; their first line is shown.
    static func notHTTP(beginning: [UInt8]) -> HTTPViolation {
        let line = beginning.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        return HTTPViolation(.notHTTP(HeaderSyntax.quoted(bytes: line.isEmpty ? beginning[...] : line)))
    }
}

extension HTTPViolation: CustomStringConvertible {
    package var description: String {
        let source = source.map { " (\($0))" } ?? ""
        return "\(summary)\(source)."
    }

    private var summary: String {
        switch rule {
        case .notHTTP(let beginning): "It is not HTTP: it begins with \(beginning)"
        case .statusLine(let line): "The status line is malformed: \(line)"
        case .requestLine(let line): "The request line is malformed: \(line)"
        case .version(let version): "The version is \(version) instead of HTTP/1.1"
        case .status(let status): "The status is \(status), which is impossible"
        case .lineEnding: "A line of the head does not end with CR LF"
        case .foldedLine(let line): "A header line begins with a blank, which is no longer allowed: \(line)"
        case .noColon(let line): "A header line has no colon: \(line)"
        case .blankBeforeColon(let line): "A header line has a blank in front of its colon: \(line)"
        case .fieldName(let line): "A header line does not begin with a header's name: \(line)"
        case .controlCharacter(let byte, let field):
            "The value of header \(field) has a control character: 0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))"
        case .tooManyFields(let limit): "The head has more than \(limit) header lines"
        case .headTooLarge(let limit): "The head is larger than \(limit) bytes"
        case .tooManyInterimResponses(let limit): "More than \(limit) interim responses (status 1xx) come first"
        case .unaskedSwitch: "The status is 101, but no other protocol was asked for"
        case .switchInHTTP10: "The status is 101 in a response of HTTP/1.0, which cannot switch protocols"
        }
    }

    private var source: String? {
        switch rule {
        case .notHTTP, .version: "RFC 9112 section 2.3"
        case .statusLine: "RFC 9112 section 4"
        case .requestLine: "RFC 9112 section 3"
        case .status: "RFC 9110 section 15"
        case .lineEnding: "RFC 9112 section 2.2"
        case .foldedLine: "RFC 9112 section 5.2"
        case .noColon, .blankBeforeColon, .fieldName: "RFC 9112 section 5"
        case .controlCharacter: "RFC 9110 section 5.5"
        case .unaskedSwitch, .switchInHTTP10: "RFC 9110 section 7.8"
        case .tooManyFields, .headTooLarge, .tooManyInterimResponses: nil
        }
    }
}

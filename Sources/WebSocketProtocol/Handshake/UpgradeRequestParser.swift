package import HTTPTypes

/// The head of a request as a server received it.
package struct UpgradeRequestHead: Hashable, Sendable {
    package let method: String
    /// As it stands in the request line.
    package let target: String
    package let version: String
    package internal(set) var headers = HTTPFields()
}

/// Reads a client's opening handshake from the bytes of a connection (RFC 9112 sections 2 to 5). It never keeps more of
/// them than `maximumSize` and one read.
package struct UpgradeRequestParser: Sendable {
    package enum Progress: Hashable, Sendable {
        case needsMoreBytes
        /// `rest` is what the client sent beyond the head: its first frames.
        case complete(UpgradeRequestHead, rest: [UInt8])
    }

    private let maximumSize: Int
    private var reader: HeadReader
    private var skippedEmptyLine = false
    /// The part of the head that has arrived.
    private var head: UpgradeRequestHead?

    /// Makes a parser for one request.
    ///
    /// - Parameter maximumSize: The limit for the request line and headers together, in bytes.
    package init(maximumSize: Int = UpgradeRequest.defaultMaximumSize) {
        self.maximumSize = maximumSize
        reader = HeadReader(maximumSize: maximumSize, lineEnding: .crLF)
    }

    /// Reads on.
    ///
    /// - Throws: A rejection as soon as what was received cannot become an acceptable request: refuse the connection then.
    package mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(UpgradeRejection) -> Progress {
        var rest = bytes
        do throws(HTTPViolation) {
            guard let head = try nextHead(&rest) else { return .needsMoreBytes }
            return .complete(head, rest: Array(rest))
        } catch {
            throw UpgradeRejection(error)
        }
    }

    private mutating func nextHead(
        _ bytes: inout UnsafeRawBufferPointer
    ) throws(HTTPViolation) -> UpgradeRequestHead? {
        while !bytes.isEmpty {
            if head == nil { try checkBeginning(bytes) }
            guard let line = try reader.nextLine(&bytes) else { return nil }
            if head != nil {
                if line.isEmpty { return head }
                try head?.headers.append(line: line)
            } else if line.isEmpty {
                skippedEmptyLine = true
                reader = HeadReader(maximumSize: maximumSize, lineEnding: .crLF)
            } else {
                head = try UpgradeRequestHead(requestLine: line)
            }
        }
        return nil
    }

    /// Recognises another protocol by its first bytes. One empty line in front of a request is skipped (RFC 9112 section
    /// 2.2).
    private func checkBeginning(_ bytes: UnsafeRawBufferPointer) throws(HTTPViolation) {
        let beginning = reader.beginning(bytes, count: HTTPViolation.excerptSize)
        let emptyLine = Array("\r\n".utf8)
        if !skippedEmptyLine, emptyLine.starts(with: beginning.prefix(emptyLine.count)) { return }
        guard let first = beginning.first, HeaderSyntax.isTokenCharacter(first) else {
            throw .notHTTP(beginning: beginning)
        }
    }
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

extension UpgradeRejection {
    /// RFC 9110 section 15.5.1, RFC 6585 section 5.
    init(_ violation: HTTPViolation) {
        switch violation.rule {
        case .headTooLarge, .tooManyFields: self.init(.requestHeaderFieldsTooLarge, violation.description)
        default: self.init(.badRequest, violation.description)
        }
    }
}

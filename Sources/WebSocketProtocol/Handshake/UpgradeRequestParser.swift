internal import HTTPTypes

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

extension UpgradeRejection {
    /// RFC 9110 section 15.5.1, RFC 6585 section 5.
    init(_ violation: HTTPViolation) {
        switch violation.rule {
        case .headTooLarge, .tooManyFields: self.init(.requestHeaderFieldsTooLarge, violation.description)
        default: self.init(.badRequest, violation.description)
        }
    }
}

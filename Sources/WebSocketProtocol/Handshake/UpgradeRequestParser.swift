package import HTTPTypes

/// The head of a request as a server received it.
package struct UpgradeRequestHead: Hashable, Sendable {
    package let method: String
    /// As it stands in the request line.
    package let target: String
    package let version: String
    package let headers: HTTPFields
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
    private var received: [UInt8] = []
    /// How many of the received bytes were searched for the end of the head.
    private var searched = 0
    private var skippedEmptyLine = false

    /// - Parameter maximumSize: Of request line and headers together, in bytes.
    package init(maximumSize: Int = UpgradeRequest.defaultMaximumSize) {
        self.maximumSize = maximumSize
    }

    /// - Throws: As soon as what was received cannot become an acceptable request: refuse the connection then.
    package mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(UpgradeRejection) -> Progress {
        received.append(contentsOf: bytes)
        if searched == 0, try !startsRequest() { return .needsMoreBytes }
        while searched < received.count {
            guard searched < maximumSize else {
                throw UpgradeRejection(
                    .requestHeaderFieldsTooLarge, "The request's head is larger than \(maximumSize) bytes.")
            }
            if received[searched] == UInt8(ascii: "\n"), try endsHead(at: searched) {
                let head = try Self.head(received[...searched])
                let rest = Array(received[(searched + 1)...])
                received = []
                searched = 0
                return .complete(head, rest: rest)
            }
            searched += 1
        }
        return .needsMoreBytes
    }

    /// Whether the first byte of a request is there. One empty line in front of it is skipped (RFC 9112 section 2.2).
    private mutating func startsRequest() throws(UpgradeRejection) -> Bool {
        if !skippedEmptyLine, received.first == UInt8(ascii: "\r") {
            guard received.count > 1 else { return false }
            if received[1] == UInt8(ascii: "\n") {
                received.removeFirst(2)
                skippedEmptyLine = true
            }
        }
        guard let first = received.first else { return false }
        guard HeaderSyntax.isTokenCharacter(first) else {
            throw UpgradeRejection(.badRequest, "What was received is not an HTTP request.")
        }
        return true
    }

    private func endsHead(at newline: Int) throws(UpgradeRejection) -> Bool {
        guard newline >= 1, received[newline - 1] == UInt8(ascii: "\r") else {
            throw UpgradeRejection(.badRequest, "A line of the request's head does not end with CR LF.")
        }
        return newline >= 3 && received[newline - 2] == UInt8(ascii: "\n")
    }

    private static func head(_ bytes: ArraySlice<UInt8>) throws(UpgradeRejection) -> UpgradeRequestHead {
        // Every line is known to end with CR LF; the last two are the empty line that ends the head.
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .dropLast(2).map { $0.dropLast() }
        let requestLine = lines.first ?? []
        let parts = requestLine.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3,
            !parts[0].isEmpty, parts[0].allSatisfy(HeaderSyntax.isTokenCharacter),
            !parts[1].isEmpty, parts[1].allSatisfy({ (0x21...0x7E).contains($0) }),
            isVersion(parts[2])
        else {
            let line = HeaderSyntax.quoted(String(decoding: requestLine, as: UTF8.self))
            throw UpgradeRejection(.badRequest, "The request line is malformed: \(line).")
        }
        var headers = HTTPFields()
        for line in lines.dropFirst() { headers.append(try field(line)) }
        return UpgradeRequestHead(
            method: String(decoding: parts[0], as: UTF8.self),
            target: String(decoding: parts[1], as: UTF8.self),
            version: String(decoding: parts[2], as: UTF8.self),
            headers: headers
        )
    }

    /// RFC 9112 section 2.3.
    private static func isVersion(_ text: ArraySlice<UInt8>) -> Bool {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let version = Array(text)
        return version.count == 8 && version.starts(with: "HTTP/".utf8)
            && digits.contains(version[5]) && version[6] == UInt8(ascii: ".") && digits.contains(version[7])
    }

    private static func field(_ line: ArraySlice<UInt8>) throws(UpgradeRejection) -> HTTPField {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
            let name = HTTPField.Name(String(decoding: line[..<colon], as: UTF8.self)),
            line[(colon + 1)...].allSatisfy(HeaderSyntax.isFieldValueByte)
        else {
            let shown = HeaderSyntax.quoted(String(decoding: line, as: UTF8.self))
            throw UpgradeRejection(.badRequest, "A header line is malformed: \(shown).")
        }
        return HTTPField(name: name, value: HeaderSyntax.trimmed(line[(colon + 1)...]))
    }
}

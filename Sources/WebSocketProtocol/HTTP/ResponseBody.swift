import HTTPTypes

/// The body of a response (RFC 9112 section 6), of which the beginning is kept.
struct ResponseBody: Sendable {
    private enum Framing: Sendable {
        case length(remaining: Int)
        case chunked(ChunkedDecoder)
        case untilClose
    }

    private(set) var bytes: [UInt8] = []
    private let maximumSize: Int
    private var framing: Framing

    /// Makes the reader of a response's body. A body whose length the head does not say in a usable way ends with the
    /// connection. RFC 9112 section 6.3 has such a response discarded, since the next one could not be found; here none
    /// follows, and the status counts.
    init(of head: ResponseHead, maximumSize: Int) {
        self.maximumSize = maximumSize
        if head.status.kind == .informational || head.status == .noContent || head.status == .notModified {
            framing = .length(remaining: 0)
        } else if let coding = head.headers.listMembers(.transferEncoding).last {
            // A server of HTTP/1.0 knows no transfer codings: what it says of them is not to be relied on (section 6.1).
            let isChunked = HeaderSyntax.lowercased(coding) == "chunked" && head.minorVersion >= 1
            // Chunks of one byte each take six bytes; a body that takes more is not sent to be read.
            framing = isChunked ? .chunked(ChunkedDecoder(maximumOverhead: maximumSize * 8)) : .untilClose
        } else if let length = Self.contentLength(head.headers) {
            framing = .length(remaining: length)
        } else {
            framing = .untilClose
        }
    }

    /// A list of equal numbers counts as that number (RFC 9112 section 6.3).
    private static func contentLength(_ headers: HTTPFields) -> Int? {
        let lengths = headers.listMembers(.contentLength).map { member in
            member.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(member) : nil
        }
        guard let length = lengths.first ?? nil, lengths.allSatisfy({ $0 == length }) else { return nil }
        return length
    }

    /// - Returns: `true` when the body is over: complete, as long as what is kept of it, or malformed from here on.
    mutating func receive(_ received: UnsafeRawBufferPointer) -> Bool {
        switch framing {
        case .length(let remaining):
            let count = min(remaining, received.count)
            keep(UnsafeRawBufferPointer(rebasing: received[..<count]))
            framing = .length(remaining: remaining - count)
            return remaining == count || isFull
        case .untilClose:
            keep(received)
            return isFull
        case .chunked(var decoder):
            defer { framing = .chunked(decoder) }
            var rest = received
            while !isFull {
                switch decoder.next(&rest) {
                case .data(let piece): keep(piece)
                case .end, .malformed: return true
                case nil: return false
                }
            }
            return true
        }
    }

    private var isFull: Bool { bytes.count >= maximumSize }

    private mutating func keep(_ piece: UnsafeRawBufferPointer) {
        bytes += piece.prefix(maximumSize - bytes.count)
    }
}

/// Takes the lines of a message's head off a byte stream, wherever the reads end (RFC 9112 section 2). It keeps no more
/// than the line under way.
struct HeadReader: Sendable {
    enum LineEnding: Sendable {
        case crLF
        /// A single LF too, which RFC 9112 section 2.2 leaves to the recipient.
        case crLFOrLF
    }

    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    /// Of all lines together, in bytes.
    private let maximumSize: Int
    private let lineEnding: LineEnding
    private var size = 0
    private var line: [UInt8] = []

    init(maximumSize: Int, lineEnding: LineEnding) {
        self.maximumSize = maximumSize
        self.lineEnding = lineEnding
    }

    var isEmpty: Bool { size == 0 }

    /// Returns the beginning of the line under way, or of the next one, as far as it is known once `bytes` are there.
    func beginning(_ bytes: UnsafeRawBufferPointer, count: Int) -> [UInt8] {
        let known = Array(line.prefix(count))
        return known + bytes.prefix(count - known.count)
    }

    /// Takes the next line off the front of `bytes`, without its end.
    /// - Returns: `nil` when `bytes` is used up.
    mutating func nextLine(_ bytes: inout UnsafeRawBufferPointer) throws(HTTPViolation) -> [UInt8]? {
        let newline = bytes.firstIndex(of: Self.lineFeed)
        let end = newline.map { $0 + 1 } ?? bytes.count
        guard end <= maximumSize - size else { throw HTTPViolation(.headTooLarge(limit: maximumSize)) }
        line += bytes[..<end]
        size += end
        bytes = UnsafeRawBufferPointer(rebasing: bytes[end...])
        guard newline != nil else { return nil }

        var whole = line
        line = []
        whole.removeLast()
        if whole.last == Self.carriageReturn {
            whole.removeLast()
        } else if lineEnding == .crLF {
            throw HTTPViolation(.lineEnding)
        }
        return whole
    }
}

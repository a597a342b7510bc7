/// Takes the data of the chunked transfer coding off a byte stream, wherever the reads end (RFC 9112 section 7.1).
///
/// Extensions are skipped. The trailer is not read: the data is complete in front of it. Lines may end with LF alone.
struct ChunkedDecoder: Sendable {
    enum Piece {
        /// Lies in the bytes given to ``ChunkedDecoder/next(_:)``.
        case data(UnsafeRawBufferPointer)
        case end
        case malformed
    }

    private enum State: Sendable {
        case sizeStart
        case size(Int)
        /// Blanks between the size and an extension or the end of the line.
        case afterSize(Int)
        case chunkExtension(Int)
        /// After the CR of the line with the size.
        case sizeEnd(Int)
        case data(remaining: Int)
        case dataEnd
        /// After the CR behind the data.
        case dataEndLineFeed
        case end
        case malformed
    }

    /// Of all that is not data, in bytes.
    private let maximumOverhead: Int
    private var overhead = 0
    private var state = State.sizeStart

    init(maximumOverhead: Int) {
        self.maximumOverhead = maximumOverhead
    }

    /// Takes the next piece off the front of `bytes`.
    /// - Returns: `nil` when `bytes` is used up.
    mutating func next(_ bytes: inout UnsafeRawBufferPointer) -> Piece? {
        while true {
            switch state {
            case .end: return .end
            case .malformed: return .malformed
            case .data(let remaining) where !bytes.isEmpty:
                let count = min(remaining, bytes.count)
                defer { bytes = UnsafeRawBufferPointer(rebasing: bytes[count...]) }
                state = remaining == count ? .dataEnd : .data(remaining: remaining - count)
                return .data(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            default:
                guard let byte = bytes.first else { return nil }
                bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
                overhead += 1
                state = overhead > maximumOverhead ? .malformed : state(after: byte)
            }
        }
    }

    private func state(after byte: UInt8) -> State {
        switch (state, byte) {
        case (.sizeStart, _): Self.size(0, byte) ?? .malformed
        case (.size(let size), UInt8(ascii: ";")), (.afterSize(let size), UInt8(ascii: ";")): .chunkExtension(size)
        case (.size(let size), UInt8(ascii: " ")), (.size(let size), UInt8(ascii: "\t")),
            (.afterSize(let size), UInt8(ascii: " ")), (.afterSize(let size), UInt8(ascii: "\t")):
            .afterSize(size)
        case (.size(let size), UInt8(ascii: "\r")), (.afterSize(let size), UInt8(ascii: "\r")),
            (.chunkExtension(let size), UInt8(ascii: "\r")):
            .sizeEnd(size)
        case (.size(let size), UInt8(ascii: "\n")), (.afterSize(let size), UInt8(ascii: "\n")),
            (.chunkExtension(let size), UInt8(ascii: "\n")), (.sizeEnd(let size), UInt8(ascii: "\n")):
            size == 0 ? .end : .data(remaining: size)
        case (.size(let size), _): Self.size(size, byte) ?? .malformed
        case (.chunkExtension(let size), _): .chunkExtension(size)
        case (.dataEnd, UInt8(ascii: "\r")): .dataEndLineFeed
        case (.dataEnd, UInt8(ascii: "\n")), (.dataEndLineFeed, UInt8(ascii: "\n")): .sizeStart
        default: .malformed
        }
    }

    /// Sizes that no `Int` holds count as the largest one: the end of such a chunk is never seen anyway.
    private static func size(_ size: Int, _ byte: UInt8) -> State? {
        guard let digit = URLCharacter.hexValue(byte) else { return nil }
        return .size(size > Int.max >> 4 ? .max : size << 4 | Int(digit))
    }
}

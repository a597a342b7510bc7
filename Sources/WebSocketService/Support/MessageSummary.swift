/// The summary of a message that an event carries. It does not hold the payload: a subscriber that does not keep up would hold
/// as many payloads as it may lag behind.
public struct MessageSummary: Hashable, Sendable {
    /// The most bytes that ``beginning`` has.
    public static let longestBeginning = 64

    /// Text or binary.
    public let kind: WebSocketMessage.Kind
    /// The size of the payload in bytes.
    public let byteCount: Int
    /// The beginning of a text, in whole characters of Unicode; the whole text if it has no more than
    /// ``longestBeginning`` bytes. Empty for a binary message.
    public let beginning: String

    /// The summary of a message.
    public init(_ message: WebSocketMessage) {
        kind = message.kind
        byteCount = message.payload.count
        beginning = message.kind == .text ? Self.beginning(of: message.payload, limit: Self.longestBeginning) : ""
    }

    /// At most so many bytes of a UTF-8 text, cut between characters.
    static func beginning(of bytes: some BidirectionalCollection<UInt8>, limit: Int) -> String {
        var end = bytes.index(bytes.startIndex, offsetBy: limit, limitedBy: bytes.endIndex) ?? bytes.endIndex
        // The bytes that continue a character are 10xxxxxx (RFC 3629 section 3).
        while end < bytes.endIndex, end > bytes.startIndex, bytes[end] & 0xC0 == 0x80 { end = bytes.index(before: end) }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}

extension MessageSummary: CustomStringConvertible {
    public var description: String {
        // The peer's words, which may be meant for a terminal.
        let shown = beginning.visible(limit: Self.longestBeginning)
        return switch kind {
        case .binary: "\(byteCount) bytes"
        case .text where beginning.utf8.count < byteCount: "\"\(shown)…\" (\(byteCount) bytes)"
        case .text: "\"\(shown)\""
        }
    }
}

/// One whole message, text or binary (RFC 6455 section 5.6).
///
/// A received message is a slice of the buffer that its network read filled, shared with the messages that arrived
/// beside it. To keep one for long, copy it: `Array(message.payload)` or ``text``.
public struct WebSocketMessage: Hashable, Sendable {
    /// The kind of a message: one of two.
    public enum Kind: Hashable, Sendable {
        /// UTF-8 (opcode 1).
        case text
        /// Any bytes (opcode 2).
        case binary
    }

    /// Text or binary.
    public let kind: Kind
    /// The payload; valid UTF-8 in a text message.
    public let payload: ArraySlice<UInt8>

    /// For payloads known to be valid: text must be UTF-8.
    package init(kind: Kind, validatedPayload: ArraySlice<UInt8>) {
        self.kind = kind
        self.payload = validatedPayload
    }

    /// A text message with a copy of the text.
    public static func text(_ text: some StringProtocol) -> WebSocketMessage {
        WebSocketMessage(kind: .text, validatedPayload: ArraySlice(text.utf8))
    }

    /// A binary message with a copy of the bytes.
    public static func binary(_ bytes: some Sequence<UInt8>) -> WebSocketMessage {
        WebSocketMessage(kind: .binary, validatedPayload: ArraySlice(bytes))
    }

    /// The text of a text message; `nil` for a binary one.
    public var text: String? {
        kind == .text ? String(decoding: payload, as: UTF8.self) : nil
    }
}

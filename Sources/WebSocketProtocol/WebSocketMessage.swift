/// One whole message, text or binary (RFC 6455 section 5.6).
///
/// A received message is a slice of the buffer that its network read filled, shared with the messages that arrived
/// beside it. To keep one for long, copy it: `Array(message.payload)` or ``text``.
public struct WebSocketMessage: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case text
        case binary
    }

    public let kind: Kind
    /// The payload. That of a text message is valid UTF-8.
    public let payload: ArraySlice<UInt8>

    /// For payloads known to be valid: text must be UTF-8.
    package init(kind: Kind, validatedPayload: ArraySlice<UInt8>) {
        self.kind = kind
        self.payload = validatedPayload
    }

    public static func text(_ text: some StringProtocol) -> WebSocketMessage {
        WebSocketMessage(kind: .text, validatedPayload: ArraySlice(text.utf8))
    }

    public static func binary(_ bytes: some Sequence<UInt8>) -> WebSocketMessage {
        WebSocketMessage(kind: .binary, validatedPayload: ArraySlice(bytes))
    }

    /// The text of a text message; `nil` for a binary one.
    public var text: String? {
        kind == .text ? String(decoding: payload, as: UTF8.self) : nil
    }
}

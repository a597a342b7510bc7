/// The kind of frame to send.
public enum WebSocketOpcode: Hashable, Sendable, CaseIterable {
    /// Goes on with a message that was begun without `fin`.
    case continuation
    /// A text message.
    case text
    /// A binary message.
    case binary
    /// A close frame, whose payload begins with its code.
    case connectionClose
    /// A ping.
    case ping
    /// A pong.
    case pong
}

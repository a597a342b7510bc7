public import Foundation

/// A message.
public struct BrowserMessageEvent: Sendable {
    /// The content of a message.
    public enum Payload: Hashable, Sendable {
        /// A text.
        case text(String)
        /// Bytes, as ``BrowserWebSocket/BinaryType/blob``.
        case blob(Data)
        /// Bytes, as ``BrowserWebSocket/BinaryType/arraybuffer``.
        case arraybuffer([UInt8])
    }

    /// `message`.
    public let type = "message"
    /// The text or the bytes.
    public let data: Payload
    /// The server's scheme, name and port: `wss://feed.example.com`.
    public let origin: String
}

extension BrowserMessageEvent.Payload {
    /// The text of a text message; `nil` for a binary one.
    public var text: String? {
        if case .text(let text) = self { text } else { nil }
    }
}

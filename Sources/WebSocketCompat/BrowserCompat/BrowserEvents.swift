public import Foundation

/// The end of a connection, or its opening, or a failure: an event without a value of its own.
public struct BrowserEvent: Sendable {
    /// `open` or `error`.
    public let type: String
}

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

/// The end of a connection.
public struct BrowserCloseEvent: Hashable, Sendable {
    /// `close`.
    public let type = "close"
    /// Both sides have sent a close frame.
    public let wasClean: Bool
    /// The server's code; 1005 when it gave none, 1006 when there was no close frame, for whatever reason.
    public let code: UInt16
    /// The server's reason.
    public let reason: String
}

/// An exception that the standard's methods throw.
public struct BrowserException: Error, Hashable, Sendable, CustomStringConvertible {
    /// The exception's name in Web IDL.
    public enum Name: String, Sendable {
        /// A URL or a subprotocol is none, or a reason is too long.
        case syntaxError = "SyntaxError"
        /// A code must not be used.
        case invalidAccessError = "InvalidAccessError"
        /// Nothing can be sent yet.
        case invalidStateError = "InvalidStateError"
    }

    /// The exception's name.
    public let name: Name
    /// A description of the fault.
    public let message: String

    public var description: String { "\(name.rawValue): \(message)" }
}

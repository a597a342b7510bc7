public import Foundation

/// An event that a ``WebSocket`` tells its delegate.
public enum WebSocketEvent: Sendable {
    /// The connection is open; the headers of the server's answer.
    case connected([String: String])
    /// The server has closed the connection: its reason and its code.
    case disconnected(String, UInt16)
    /// A text message.
    case text(String)
    /// A binary message.
    case binary(Data)
    /// A pong, with its payload.
    case pong(Data?)
    /// A ping, with its payload.
    case ping(Data?)
    /// An attempt to connect has failed, or a connection was lost: a `WebSocketError`, or ``HTTPUpgradeError`` where a server
    /// has refused.
    case error((any Error)?)
    /// The connection has become usable or unusable: true when it opens, false when it is lost.
    case viabilityChanged(Bool)
    /// Never sent here: nothing on Linux tells of a better path.
    case reconnectSuggested(Bool)
    /// The end, after ``WebSocket/disconnect(closeCode:)`` and after the last connection. Nothing follows.
    case cancelled
    /// The server has ended the connection without a close frame.
    case peerClosed
}

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

/// An object that is told of a socket's events, on its ``WebSocket/callbackQueue``.
public protocol WebSocketDelegate: AnyObject {
    /// Takes one event. The next one comes when this has returned.
    func didReceive(event: WebSocketEvent, client: any WebSocketClient)
}

/// The operations of a ``WebSocket``.
public protocol WebSocketClient: AnyObject {
    /// Begins to connect.
    func connect()
    /// Closes the connection with a code.
    func disconnect(closeCode: UInt16)
    /// Sends a text message.
    func write(string: String, completion: (() -> Void)?)
    /// Sends a text message, given as UTF-8.
    func write(stringData: Data, completion: (() -> Void)?)
    /// Sends a binary message.
    func write(data: Data, completion: (() -> Void)?)
    /// Sends a ping with a payload of at most 125 bytes.
    func write(ping: Data, completion: (() -> Void)?)
    /// Sends a pong with a payload of at most 125 bytes.
    func write(pong: Data, completion: (() -> Void)?)
}

extension WebSocketClient {
    /// Sends a text message.
    public func write(string: String) { write(string: string, completion: nil) }
    /// Sends a binary message.
    public func write(data: Data) { write(data: data, completion: nil) }
    /// Sends a ping with a payload of at most 125 bytes.
    public func write(ping: Data) { write(ping: ping, completion: nil) }
    /// Sends a pong with a payload of at most 125 bytes.
    public func write(pong: Data) { write(pong: pong, completion: nil) }
    /// Closes the connection with 1000.
    public func disconnect() { disconnect(closeCode: CloseCode.normal.rawValue) }
}

public import Foundation

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

internal import WebSocketProtocol

extension WebSocket {
    /// Sends a ping with a payload of the caller's, which waits for nothing. Its pong is shown to the observer.
    ///
    /// - Throws: ``WebSocketError`` with `invalidConfiguration` for more than 125 bytes, with `connectionClosed` or what ended
    ///   the connection.
    package func sendPing(_ payload: [UInt8]) throws {
        try connection.sendControl(payload) { queue throws(RandomSourceFailure) in try queue.appendPing(payload) }
    }

    /// Sends a pong that nobody has asked for (RFC 6455 section 5.5.3); as ``sendPing(_:)``.
    package func sendPong(_ payload: [UInt8]) throws {
        try connection.sendControl(payload) { queue throws(RandomSourceFailure) in try queue.appendPong(payload) }
    }
}

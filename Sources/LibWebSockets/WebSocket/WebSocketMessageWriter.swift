internal import WebSocketProtocol

/// Writes one message piece by piece; see ``WebSocket/sendMessage(_:_:)``.
public struct WebSocketMessageWriter: ~Copyable {
    let message: OutgoingMessage

    /// Sends the next piece as a fragment (RFC 6455 section 5.4). Waits while the output is full.
    ///
    /// - Throws: As ``WebSocket/send(_:)-(String)``.
    public mutating func write(_ text: String) async throws {
        try await message.write(text.utf8)
    }

    /// Sends the next piece as a fragment. The pieces of a text message together must be UTF-8; the peer closes the
    /// connection with 1007 if they are not.
    public mutating func write(_ bytes: some Collection<UInt8>) async throws {
        try await message.write(bytes)
    }
}

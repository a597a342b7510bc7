/// Writes one message of a service piece by piece; see ``SocketService/sendMessage(_:_:)``.
public struct SocketMessageWriter: ~Copyable {
    let outbox: Outbox
    let message: any MessageInPieces
    let caller: Caller
    var byteCount = 0

    init(outbox: Outbox, message: any MessageInPieces, caller: Caller) {
        self.outbox = outbox
        self.message = message
        self.caller = caller
    }

    /// Sends the next piece. Waits while the connection's output is full.
    ///
    /// - Throws: The error that ended the connection; `CancellationError`; ``SocketServiceError/Code/inboxFull`` in a
    ///   handler that waits for a peer that may be waiting for it.
    public mutating func write(_ text: String) async throws {
        try await write(text.utf8)
    }

    /// Sends the next piece; as ``write(_:)-(String)``. The pieces of a text message together must be UTF-8; the peer closes the
    /// connection with 1007 if they are not.
    public mutating func write(_ bytes: some Collection<UInt8>) async throws {
        let piece = Array(bytes)
        try await outbox.waitForRoom(caller) { [message] in try await message.write(piece) }
        byteCount += piece.count
    }
}

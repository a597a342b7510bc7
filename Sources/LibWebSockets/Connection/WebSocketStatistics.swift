/// The traffic of a ``WebSocket`` so far. Bytes are those of messages' payloads, without frames and TLS, where nothing else
/// is said.
public struct WebSocketStatistics: Hashable, Sendable {
    /// Messages that `send` has accepted.
    public internal(set) var messagesSent = 0
    /// Bytes of the messages that `send` has accepted.
    public internal(set) var bytesSent = 0
    /// Messages that have arrived whole.
    public internal(set) var messagesReceived = 0
    /// Bytes of the messages that have arrived whole.
    public internal(set) var bytesReceived = 0
    /// Everything read from the network after the opening handshake, frames and unfinished messages included: it grows
    /// while a large message arrives.
    public internal(set) var networkBytesReceived: UInt64 = 0
    /// Everything given to the network after the opening handshake, frames and unfinished messages included. With TLS before it
    /// is encrypted, as ``networkBytesReceived`` is after it is decrypted.
    public internal(set) var networkBytesSent: UInt64 = 0
    /// The memory of the messages that the program has not taken yet, as it counts against
    /// ``WebSocketConfiguration/receiveBufferSize``. It is that of the payloads with what keeps them: 48 bytes for each piece
    /// of memory and 40 for each message, so that empty messages count too. After a reset it is also that of what had arrived
    /// before and is no message yet: up to 8 MiB, which the system held until then.
    public internal(set) var bytesWaitingToBeRead = 0
    /// Frames that wait for the network, in bytes.
    public internal(set) var bytesWaitingToBeWritten = 0
    /// Messages that `send` had accepted and that were not written to the network when the connection ended. 0 while it is
    /// open. Messages that were written may be lost on the way too, which nobody on this side can know.
    public internal(set) var messagesUnsent = 0
}

extension WebSocketStatistics: CustomStringConvertible {
    /// A sentence: `sent 3 messages (12 bytes), received 4 messages (20 bytes); waiting: 0 bytes to be read, 0 to be written`.
    public var description: String {
        let unsent = messagesUnsent == 0 ? "" : ", \(messagesUnsent.counted("message")) unsent"
        return """
            sent \(messagesSent.counted("message")) (\(bytesSent.counted("byte"))), received \
            \(messagesReceived.counted("message")) (\(bytesReceived.counted("byte"))); waiting: \
            \(bytesWaitingToBeRead.counted("byte")) to be read, \(bytesWaitingToBeWritten) to be written\(unsent)
            """
    }
}

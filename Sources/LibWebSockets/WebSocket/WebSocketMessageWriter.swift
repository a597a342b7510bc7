internal import WebSocketProtocol

/// Writes one message piece by piece; see ``WebSocket/sendMessage(_:_:)``.
public struct WebSocketMessageWriter: ~Copyable {
    private let connection: Connection
    private let kind: WebSocketMessage.Kind
    private var hasBegun = false

    init(connection: Connection, kind: WebSocketMessage.Kind) {
        self.connection = connection
        self.kind = kind
    }

    /// Sends the next piece as a fragment (RFC 6455 section 5.4). Waits while the output is full.
    ///
    /// - Throws: As ``WebSocket/send(_:)-(String)``.
    public mutating func write(_ text: String) async throws {
        try await write(text.utf8)
    }

    /// Sends the next piece as a fragment. The pieces of a text message together must be UTF-8; the peer closes the
    /// connection with 1007 if they are not.
    public mutating func write(_ bytes: some Collection<UInt8>) async throws {
        try await connection.send(nextOpcode, payload: bytes, part: .fragment(isLast: false))
        hasBegun = true
    }

    mutating func finish() async throws {
        try await connection.send(nextOpcode, payload: EmptyCollection<UInt8>(), part: .fragment(isLast: true))
    }

    /// Whether the peer has got the beginning of a message.
    var isIncomplete: Bool { hasBegun }

    private var nextOpcode: Opcode {
        hasBegun ? .continuation : Opcode(kind)
    }
}

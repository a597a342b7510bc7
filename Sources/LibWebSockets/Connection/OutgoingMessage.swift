internal import Synchronization
internal import WebSocketProtocol

/// A message that is being sent in pieces. While there is one, no other message of the connection goes out (RFC 6455
/// section 5.4).
///
/// Ends once, by ``finish()`` or ``abandon()``. Used by one task at a time.
package final class OutgoingMessage: Sendable {
    private let connection: Connection
    private let kind: WebSocketMessage.Kind
    /// The peer has got the beginning of it.
    private let hasBegun = Atomic<Bool>(false)
    private let isOver = Atomic<Bool>(false)

    fileprivate init(_ connection: Connection, _ kind: WebSocketMessage.Kind) {
        self.connection = connection
        self.kind = kind
    }

    deinit {
        abandon()
    }

    /// Sends the next piece as a fragment. Waits while the output is full.
    package func write(_ bytes: some Collection<UInt8>) async throws {
        try await connection.send(nextOpcode, payload: bytes, part: .fragment(isLast: false))
        hasBegun.store(true, ordering: .relaxed)
    }

    /// Ends the message, and lets others through.
    package func finish() async throws {
        try await connection.send(nextOpcode, payload: EmptyCollection<UInt8>(), part: .fragment(isLast: true))
        _ = end()
    }

    /// Gives the message up, unless it has ended. A part that the peer has got cannot be taken back, so that then the
    /// connection is closed with 1011.
    package func abandon() {
        guard end(), hasBegun.load(ordering: .relaxed) else { return }
        connection.beginClosing(CloseFrame(code: .internalError, reason: "a message was not completed"))
    }

    private func end() -> Bool {
        guard !isOver.exchange(true, ordering: .relaxed) else { return false }
        connection.endStream()
        return true
    }

    private var nextOpcode: Opcode {
        hasBegun.load(ordering: .relaxed) ? .continuation : Opcode(kind)
    }
}

extension Connection {
    /// Waits until no other message is under way in pieces.
    func beginMessage(_ kind: WebSocketMessage.Kind) async throws -> OutgoingMessage {
        try await beginStream()
        return OutgoingMessage(self, kind)
    }
}

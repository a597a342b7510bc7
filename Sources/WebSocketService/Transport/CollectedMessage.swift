internal import Synchronization
internal import LibWebSockets

/// A message in pieces over a connection that takes whole messages only.
final class CollectedMessage: MessageInPieces {
    private let connection: any SocketConnection
    private let kind: WebSocketMessage.Kind
    private let payload = Lock<[UInt8]>([])

    init(connection: any SocketConnection, kind: WebSocketMessage.Kind) {
        self.connection = connection
        self.kind = kind
    }

    func write(_ piece: [UInt8]) async throws {
        payload.withLock { $0 += piece }
    }

    func finish() async throws {
        let payload = payload.withLock { payload in
            defer { payload = [] }
            return payload
        }
        // The peer checks that the pieces of a text are UTF-8, as it does where they go out one by one.
        try await connection.send(WebSocketMessage(kind: kind, validatedPayload: payload[...]))
    }

    func abandon() {}
}

public import WebSocketProtocol

/// The messages of a ``WebSocket`` as they arrive; see ``WebSocket/messages``.
public struct WebSocketMessages: AsyncSequence, Sendable {
    public typealias Element = WebSocketMessage
    public typealias Failure = any Error

    let webSocket: WebSocket

    public func makeAsyncIterator() -> Iterator {
        Iterator(cursor: Cursor(webSocket: webSocket))
    }

    /// Walks a batch without a lock, and suspends only when it is used up.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let cursor: Cursor

        public func next() async throws -> WebSocketMessage? {
            try await next(isolation: nil)
        }

        public func next(isolation actor: isolated (any Actor)?) async throws -> WebSocketMessage? {
            if let message = cursor.popFirst() { return message }
            return try await cursor.fill()
        }
    }

    /// The batch under way. A class, so that its end can give back what was not used: the next iteration starts there.
    fileprivate final class Cursor {
        private let webSocket: WebSocket
        private var batch: [WebSocketMessage] = []
        private var index = 0

        init(webSocket: WebSocket) {
            self.webSocket = webSocket
        }

        deinit {
            if index < batch.count { webSocket.putBack(batch[index...]) }
        }

        func popFirst() -> WebSocketMessage? {
            guard index < batch.count else { return nil }
            defer { index += 1 }
            return batch[index]
        }

        func fill() async throws -> WebSocketMessage? {
            batch = []
            index = 0
            guard let batch = try await webSocket.nextMessages() else { return nil }
            self.batch = batch
            return popFirst()
        }
    }
}

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
        @usableFromInline let cursor: Cursor

        fileprivate init(cursor: Cursor) {
            self.cursor = cursor
        }

        @inlinable
        public func next() async throws -> WebSocketMessage? {
            if let message = cursor.popFirst() { return message }
            return try await cursor.fill()
        }

        @inlinable
        public func next(isolation actor: isolated (any Actor)?) async throws -> WebSocketMessage? {
            if let message = cursor.popFirst() { return message }
            return try await cursor.fill()
        }
    }

    /// The batch under way. A class, so that its end can give back what was not used: the next iteration starts there.
    @safe @usableFromInline final class Cursor {
        @usableFromInline struct State {
            @usableFromInline var batch: [WebSocketMessage] = []
            @usableFromInline var index = 0
        }

        private let webSocket: WebSocket
        /// In properties of the class, each access would be checked for others at the same time.
        @usableFromInline let state: UnsafeMutablePointer<State>

        fileprivate init(webSocket: WebSocket) {
            self.webSocket = webSocket
            unsafe state = .allocate(capacity: 1)
            unsafe state.initialize(to: State())
        }

        deinit {
            let (batch, index) = unsafe (state.pointee.batch, state.pointee.index)
            if index < batch.count { webSocket.putBack(batch[index...]) }
            unsafe state.deinitialize(count: 1).deallocate()
        }

        @inlinable
        func popFirst() -> WebSocketMessage? {
            let index = unsafe state.pointee.index
            guard unsafe index < state.pointee.batch.count else { return nil }
            unsafe state.pointee.index = index &+ 1
            return unsafe state.pointee.batch[index]
        }

        @usableFromInline
        func fill() async throws -> WebSocketMessage? {
            unsafe state.pointee = State()
            guard let batch = try await webSocket.nextMessages() else { return nil }
            unsafe state.pointee.batch = batch
            return popFirst()
        }
    }
}

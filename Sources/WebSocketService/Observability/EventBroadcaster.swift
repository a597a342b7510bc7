internal import Synchronization

/// Hands each event to every subscriber, through a buffer of bounded length per subscriber.
final class EventBroadcaster: Sendable {
    private struct State {
        var subscribers: [UInt64: AsyncStream<SocketEvent>.Continuation] = [:]
        var nextNumber: UInt64 = 0
        var isFinished = false
        var droppedCount: UInt64 = 0

        mutating func send(_ event: SocketEvent) {
            for subscriber in subscribers.values {
                if case .dropped = subscriber.yield(event) { droppedCount += 1 }
            }
        }
    }

    private let bufferLimit: Int
    private let state = Mutex(State())

    init(bufferLimit: Int) {
        self.bufferLimit = max(bufferLimit, 1)
    }

    /// How many events were lost to subscribers that did not keep up.
    var droppedCount: UInt64 {
        state.withLock(\.droppedCount)
    }

    /// The events from now on. When a subscriber lags by more than the limit, it loses the oldest.
    func subscribe() -> AsyncStream<SocketEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: SocketEvent.self, bufferingPolicy: .bufferingNewest(bufferLimit))
        let number = state.withLock { state -> UInt64? in
            guard !state.isFinished else { return nil }
            state.nextNumber += 1
            state.subscribers[state.nextNumber] = continuation
            return state.nextNumber
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.subscribers.removeValue(forKey: number) }
        }
        return stream
    }

    func send(_ event: SocketEvent) {
        // Under the lock, so that all subscribers see the same order.
        state.withLock { $0.send(event) }
    }

    /// Sends the last event: whatever is sent after it reaches nobody.
    func finish(with event: SocketEvent) {
        let subscribers = state.withLock { state in
            state.send(event)
            state.isFinished = true
            defer { state.subscribers = [:] }
            return Array(state.subscribers.values)
        }
        for subscriber in subscribers { subscriber.finish() }
    }
}

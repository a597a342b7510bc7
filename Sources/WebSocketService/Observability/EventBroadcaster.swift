internal import Synchronization
internal import DequeModule
internal import LibWebSockets

/// Hands each event to every subscriber, through a buffer of bounded length per subscriber.
///
/// Events are put in order under a lock and handed out without it, by one caller at a time: all subscribers see the same
/// order, and code that they run at once meets no lock.
final class EventBroadcaster: Sendable {
    private typealias Subscribers = [UInt64: AsyncStream<SocketEvent>.Continuation]

    private struct Broadcast {
        /// `nil` ends the streams.
        let event: SocketEvent?
        let subscribers: Subscribers
    }

    private struct State {
        var subscribers: Subscribers = [:]
        var nextNumber: UInt64 = 0
        var isFinished = false
        var droppedCount: UInt64 = 0
        var broadcasts: Deque<Broadcast> = []
        var isSending = false

        mutating func add(_ event: SocketEvent) {
            guard !subscribers.isEmpty else { return }
            broadcasts.append(Broadcast(event: event, subscribers: subscribers))
        }

        /// Returns the next step of the one who sends; `nil` for anybody else.
        mutating func begin() -> Broadcast? {
            guard !isSending, let broadcast = broadcasts.popFirst() else { return nil }
            isSending = true
            return broadcast
        }
    }

    private let bufferLimit: Int
    private let state = Lock(State())

    init(bufferLimit: Int) {
        self.bufferLimit = max(bufferLimit, 1)
    }

    /// The number of events that were lost to subscribers that did not keep up.
    var droppedCount: UInt64 {
        state.withLock(\.droppedCount)
    }

    /// The events from now on. A subscriber that lags by more than the limit loses the oldest.
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
        state.withLock { $0.add(event) }
        sendNext()
    }

    /// Sends an event under a lock: it has its place among the others now, and is handed out when the lock is free.
    func send(_ event: SocketEvent, _ afterwards: inout Afterwards) {
        state.withLock { $0.add(event) }
        afterwards.add { self.sendNext() }
    }

    /// Sends the last event: whatever is sent after it reaches nobody.
    func finish(with event: SocketEvent) {
        state.withLock { state in
            state.add(event)
            state.isFinished = true
            state.broadcasts.append(Broadcast(event: nil, subscribers: state.subscribers))
            state.subscribers = [:]
        }
        sendNext()
    }

    private func sendNext() {
        var next = state.withLock { $0.begin() }
        while let broadcast = next {
            var dropped: UInt64 = 0
            for subscriber in broadcast.subscribers.values {
                guard let event = broadcast.event else {
                    subscriber.finish()
                    continue
                }
                if case .dropped = subscriber.yield(event) { dropped += 1 }
            }
            next = state.withLock { state in
                state.isSending = false
                state.droppedCount += dropped
                return state.begin()
            }
        }
    }
}

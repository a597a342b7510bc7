internal import Synchronization

/// Hands messages from the service to a loop, one at a time: the giver waits until the message is taken.
final class MessageHandoff: Sendable {
    private enum State {
        case idle
        case offered(WebSocketMessage, taken: Completion<Bool>)
        case wanted(Completion<WebSocketMessage?>)
        case finished
    }

    private let state = Mutex(State.idle)
    /// The task that took the last message, and runs the loop's body until it asks for the next.
    private let consumer = Mutex<CurrentTask?>(nil)

    func isConsumed(by task: CurrentTask) -> Bool {
        consumer.withLock { $0 == task }
    }

    /// Whether a message waits for the loop.
    var isOffering: Bool { state.withLock { if case .offered = $0 { true } else { false } } }
    /// Whether the loop waits for a message.
    var isWanted: Bool { state.withLock { if case .wanted = $0 { true } else { false } } }

    /// Returns once somebody has taken the message, or nobody will any more.
    ///
    /// - Returns: Whether the message was taken.
    @discardableResult
    func offer(_ message: WebSocketMessage) async throws -> Bool {
        let taken = Completion<Bool>()
        state.withLock { state in
            switch state {
            case .finished:
                taken.succeed(false)
            case .wanted(let taker):
                // A taker whose task was cancelled has not taken the message, and ends its loop.
                let isTaken = taker.succeed(message)
                state = isTaken ? .idle : .finished
                taken.succeed(isTaken)
            case .idle, .offered:
                // There is one giver, the service's dispatcher: an older offer was given up when it was cancelled.
                state = .offered(message, taken: taken)
            }
        }
        return try await taken.value()
    }

    /// The next message; `nil` when there will be none.
    func next() async -> WebSocketMessage? {
        let task = CurrentTask()
        consumer.withLock { $0 = task }
        let taker = Completion<WebSocketMessage?>()
        state.withLock { state in
            switch state {
            case .finished:
                taker.succeed(nil)
            case .offered(let message, let taken) where taken.succeed(true):
                state = .idle
                taker.succeed(message)
            case .idle, .offered, .wanted:
                state = .wanted(taker)
            }
        }
        do {
            return try await taker.value()
        } catch {
            // Cancelled: the loop ends, as every `AsyncStream`'s does.
            finish()
            return nil
        }
    }

    func finish() {
        state.withLock { state in
            switch state {
            case .offered(_, let taken): taken.succeed(false)
            case .wanted(let taker): taker.succeed(nil)
            case .idle, .finished: break
            }
            state = .finished
        }
    }
}

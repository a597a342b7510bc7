internal import Synchronization
internal import LibWebSockets

/// Hands messages from the service to a loop, one at a time: the giver waits until the message is taken.
final class MessageHandoff: Sendable {
    private struct State {
        enum Phase {
            case idle
            case offered(WebSocketMessage, taken: Completion<Bool>)
            case wanted(Completion<WebSocketMessage?>, by: CurrentTask?)
            case finished
        }

        var phase = Phase.idle
        /// The loop has taken a message and not asked for the next one: its body runs.
        var isHolding = false
        /// The task that took that message.
        var consumer: CurrentTask?

        mutating func handOut(to task: CurrentTask?) {
            (isHolding, consumer) = (true, task)
        }

        mutating func takeBack() {
            (isHolding, consumer) = (false, nil)
        }
    }

    private let state = Lock(State())

    /// Tells whether this task has taken the message that the loop holds. The body may use other tasks beside it.
    func isConsumed(by task: CurrentTask) -> Bool {
        state.withLock { $0.consumer == task }
    }

    /// The loop has taken a message and not asked for the next one.
    var isHolding: Bool { state.withLock(\.isHolding) }
    /// A message waits for the loop.
    var isOffering: Bool { state.withLock { if case .offered = $0.phase { true } else { false } } }
    /// The loop waits for a message.
    var isWanted: Bool { state.withLock { if case .wanted = $0.phase { true } else { false } } }

    /// Returns once somebody has taken the message, or nobody will any more.
    ///
    /// - Returns: `true` when the message was taken.
    @discardableResult
    func offer(_ message: WebSocketMessage) async throws -> Bool {
        let taken = Completion<Bool>()
        state.change { state, afterwards in
            switch state.phase {
            case .finished:
                taken.succeed(false, &afterwards)
            case .wanted(let taker, let task):
                // A taker whose task was cancelled has not taken the message, and ends its loop.
                let isTaken = taker.succeed(message, &afterwards)
                state.phase = isTaken ? .idle : .finished
                if isTaken { state.handOut(to: task) }
                taken.succeed(isTaken, &afterwards)
            case .idle, .offered:
                // There is one giver, the service's dispatcher: an older offer was given up when it was cancelled.
                state.phase = .offered(message, taken: taken)
            }
        }
        return try await taken.value()
    }

    /// The next message; `nil` when there will be none.
    func next() async -> WebSocketMessage? {
        let task = CurrentTask()
        let taker = Completion<WebSocketMessage?>()
        state.change { state, afterwards in
            state.takeBack()
            switch state.phase {
            case .finished:
                taker.succeed(nil, &afterwards)
            case .offered(let message, let taken) where taken.succeed(true, &afterwards):
                state.phase = .idle
                state.handOut(to: task)
                taker.succeed(message, &afterwards)
            case .wanted(let earlier, _):
                // Two copies of one iterator: there is one message at a time, and the latest gets it.
                earlier.succeed(nil, &afterwards)
                state.phase = .wanted(taker, by: task)
            case .idle, .offered:
                state.phase = .wanted(taker, by: task)
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

    /// - Returns: `true` when it had not ended before.
    @discardableResult
    func finish() -> Bool {
        state.change { state, afterwards in
            switch state.phase {
            case .offered(_, let taken): taken.succeed(false, &afterwards)
            case .wanted(let taker, _): taker.succeed(nil, &afterwards)
            case .idle: break
            case .finished: return false
            }
            state.phase = .finished
            state.takeBack()
            return true
        }
    }
}

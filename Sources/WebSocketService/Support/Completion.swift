internal import Synchronization
internal import LibWebSockets

/// A result that one task waits for and any number of others may try to give: the first one counts.
///
/// Cancelling the waiting task completes it with a `CancellationError`, which is a result like any other: a later caller
/// learns from ``complete(with:)`` that nobody took the result.
package final class Completion<Value: Sendable>: Sendable {
    private enum State {
        case pending(Waiter<Value>?)
        case complete(Result<Value, any Error>)
    }

    private let state = Lock<State>(.pending(nil))

    package init() {}

    /// Under a lock use ``complete(with:_:)``.
    ///
    /// - Returns: `true` when this result is the one that counts.
    @discardableResult
    package func complete(with result: Result<Value, any Error>) -> Bool {
        let (isFirst, waiter) = decide(result)
        waiter?.resume(with: result)
        return isFirst
    }

    /// Decides now, and wakes who waits afterwards.
    @discardableResult
    package func complete(with result: Result<Value, any Error>, _ afterwards: inout Afterwards) -> Bool {
        let (isFirst, waiter) = decide(result)
        if let waiter { afterwards.add { waiter.resume(with: result) } }
        return isFirst
    }

    private func decide(_ result: Result<Value, any Error>) -> (Bool, Waiter<Value>?) {
        state.withLock { state in
            guard case .pending(let waiter) = state else { return (false, nil) }
            state = .complete(result)
            return (true, waiter)
        }
    }

    @discardableResult
    package func succeed(_ value: Value) -> Bool {
        complete(with: .success(value))
    }

    @discardableResult
    package func succeed(_ value: Value, _ afterwards: inout Afterwards) -> Bool {
        complete(with: .success(value), &afterwards)
    }

    @discardableResult
    package func fail(_ error: any Error) -> Bool {
        complete(with: .failure(error))
    }

    @discardableResult
    package func fail(_ error: any Error, _ afterwards: inout Afterwards) -> Bool {
        complete(with: .failure(error), &afterwards)
    }

    package var isComplete: Bool {
        state.withLock { if case .complete = $0 { true } else { false } }
    }

    /// Waits for the result. Only one task may wait.
    ///
    /// - Parameter onCancel: Called, at once, when the waiting task is cancelled; the completion's owner then decides.
    ///   Without it, the cancellation is the result.
    package func value(onCancel: (@Sendable () -> Void)? = nil) async throws -> Value {
        try await withTaskCancellationHandler {
            try await Waiter<Value>.wait { waiter in
                let result = state.withLock { state -> Result<Value, any Error>? in
                    if case .complete(let result) = state { return result }
                    state = .pending(waiter)
                    return nil
                }
                if let result { waiter.resume(with: result) }
            }
        } onCancel: {
            if let onCancel { onCancel() } else { fail(CancellationError()) }
        }
    }
}

extension Completion where Value == Void {
    @discardableResult
    package func succeed() -> Bool {
        succeed(())
    }

    @discardableResult
    package func succeed(_ afterwards: inout Afterwards) -> Bool {
        succeed((), &afterwards)
    }
}

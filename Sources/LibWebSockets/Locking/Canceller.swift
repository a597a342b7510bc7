internal import Synchronization

/// Carries a task's cancellation to an attempt that may not have been made yet.
final class Canceller: Sendable {
    private enum State {
        case idle
        case armed(@Sendable () -> Void)
        case cancelled
    }

    private let state = Lock(State.idle)

    func set(_ action: @escaping @Sendable () -> Void) {
        let isCancelled = state.withLock { state in
            if case .cancelled = state { return true }
            state = .armed(action)
            return false
        }
        if isCancelled { action() }
    }

    func cancel() {
        let action: (@Sendable () -> Void)? = state.withLock { state in
            defer { state = .cancelled }
            if case .armed(let action) = state { return action }
            return nil
        }
        action?()
    }
}

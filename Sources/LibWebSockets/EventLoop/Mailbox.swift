internal import Synchronization

/// The place where other threads leave work for the loop's thread, which takes all of it at once.
///
/// A producer appends under the lock; the first one since the loop began to wait also wakes it, so that a burst costs one
/// wake-up, and none while the loop is at work. The wake-up runs under the lock because it touches the libwebsockets
/// context, which must still be there: ``close()`` takes the same lock before the context is destroyed.
final class Mailbox: Sendable {
    private struct State {
        var work: [LoopWork] = []
        /// The loop waits, or is about to, without knowing of any work.
        var isLoopWaiting = false
        var isClosed = false
        /// `nil` until the loop runs: work left before that is found by its first turn.
        var wake: (@Sendable () -> Void)?
    }

    private let state = Lock(State())

    /// From now on `wake` is called, under the lock, when work arrives while the loop waits.
    func open(wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.wake = wake }
    }

    /// Leaves `work` for the loop. Returns false, and leaves nothing, when the loop has ended.
    func post(_ work: LoopWork) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.work.append(work)
            if state.isLoopWaiting {
                state.isLoopWaiting = false
                state.wake?()
            }
            return true
        }
    }

    /// Returns whether the loop may wait: from then on work wakes it. Otherwise there is some.
    func beginWaiting() -> Bool {
        state.withLock { state in
            state.isLoopWaiting = state.work.isEmpty
            return state.isLoopWaiting
        }
    }

    /// Swaps everything that was posted for the empty `work`, whose storage is used again. Returns whether that is anything.
    @discardableResult
    func take(into work: inout [LoopWork]) -> Bool {
        state.withLock { state in
            state.isLoopWaiting = false
            guard !state.work.isEmpty else { return false }
            swap(&state.work, &work)
            return true
        }
    }

    /// Refuses work from now on and returns what was still waiting.
    func close() -> [LoopWork] {
        state.withLock { state in
            state.isClosed = true
            state.wake = nil
            defer { state.work = [] }
            return state.work
        }
    }
}

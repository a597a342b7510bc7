internal import Synchronization

/// Work that other threads hand to the loop's thread.
@safe enum LoopWork: Sendable {
    case run(@Sendable (LoopCore) -> Void)
    case job(UnownedJob, UnownedTaskExecutor)
}

/// Where other threads leave work for the loop's thread, which takes it in batches.
///
/// A producer appends under the lock; the first one since the loop took the last batch also wakes the loop, so that a
/// burst costs one wake-up. The wake-up runs under the lock because it touches the libwebsockets context, which must
/// still be there: ``close()`` takes the same lock before the context is destroyed.
final class Mailbox: Sendable {
    private struct State {
        var work: [LoopWork] = []
        var isWakePending = false
        var isClosed = false
        /// `nil` until the loop runs: work left before that is found by its first turn.
        var wake: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// From now on `wake` is called, under the lock, when work arrives while the loop may be waiting.
    func open(wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.wake = wake }
    }

    /// Leaves `work` for the loop. Returns false, and leaves nothing, when the loop has ended.
    func post(_ work: LoopWork) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.work.append(work)
            if !state.isWakePending {
                state.isWakePending = true
                state.wake?()
            }
            return true
        }
    }

    /// Whether the loop has something to do before it waits.
    var hasWork: Bool {
        state.withLock { !$0.work.isEmpty }
    }

    /// Swaps everything that was posted for the emptied `batch`, whose storage is used again.
    func take(into batch: inout [LoopWork]) {
        batch.removeAll(keepingCapacity: true)
        state.withLock { state in
            state.isWakePending = false
            swap(&state.work, &batch)
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

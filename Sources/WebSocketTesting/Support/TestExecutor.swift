internal import Synchronization
internal import Dispatch
internal import WebSocketService

/// Runs the tasks of the code under test and says when all is quiet: when none of them can go on before something happens
/// from outside.
///
/// A test that "nothing happens" needs that moment. Yielding a hundred times passes by luck; on this executor the moment is
/// known, because everything that can run is either queued here or running:
///
/// ```swift
/// let executor = TestExecutor()
/// let clock = ManualClock()
/// let service = SocketService(
///     "wss://feed.example.com", transport: transport,
///     options: SocketService.Options(clock: clock, taskExecutor: executor))
/// try await service.start(waitingForOpen: true)
/// clock.advance(by: .seconds(29))
/// try await executor.untilQuiet()
/// #expect(transport.connections[0].pingCount == 0)    // not just: not yet
/// ```
///
/// It runs one job at a time, in the order in which they became ready. It knows nothing of what waits elsewhere: of sleeps
/// on another clock than a ``ManualClock``, of sockets, of actors with executors of their own.
public final class TestExecutor: TaskExecutor, Sendable {
    private struct State {
        /// Jobs that are queued or running.
        var pending = 0
        var watchers: [Completion<Void>] = []
    }

    private let queue = DispatchQueue(label: "TestExecutor")
    private let state = Lock(State())

    /// An executor without anything to run.
    public init() {}

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.pending += 1 }
        queue.async { [self] in
            job.runSynchronously(on: asUnownedTaskExecutor())
            finishJob()
        }
    }

    /// Waits until every task on this executor has ended or waits for something that is not on it.
    ///
    /// Everything that a test caused before, such as a message that it delivered or a clock that it moved, has had all its
    /// effects by then. A call from a task on this executor does not wait for that task itself.
    ///
    /// - Parameter limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    public func untilQuiet(within limit: Duration? = nil) async throws {
        let quiet = Completion<Void>()
        state.withLock { state in
            if state.pending == 0 { quiet.succeed() } else { state.watchers.append(quiet) }
        }
        defer { state.withLock { $0.watchers.removeAll { $0 === quiet } } }
        try await quiet.value(within: limit) {
            "until all is quiet; \(self.state.withLock(\.pending)) jobs are queued or running"
        }
    }

    private func finishJob() {
        let watchers = state.withLock { state -> [Completion<Void>] in
            state.pending -= 1
            guard state.pending == 0 else { return [] }
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.succeed() }
    }
}

import Synchronization
import Foundation
import WebSocketTesting
import LibC

/// Runs every task of the process on one thread, in an order that a seed decides.
///
/// A run can be repeated exactly, tries orders that a machine hardly ever takes, and knows when nothing is left to happen.
/// It takes the place of the global executor, so it needs a process to itself: an exit test. With
/// ``startHelpers(_:)`` jobs also run at the same time, for what can only go wrong between two threads; then a run cannot be
/// repeated.
final class SeededExecutor: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        /// The number of jobs that are being run.
        var runningCount = 0
        var hasHelpers = false
        var generator = SeededGenerator(seed: 0)
    }

    static let shared = SeededExecutor()

    private let state = Lock(State())

    func enqueue(_ job: consuming ExecutorJob) {
        add(UnownedJob(job))
    }

    fileprivate func add(_ job: UnownedJob) {
        state.withLock { $0.jobs.append(job) }
    }

    /// Takes over from the global executor.
    func install() {
        setHook { job, _ in SeededExecutor.shared.add(job) }
    }

    /// Gives the process back to the global executor, with what nobody has run yet: the end of an exit test, too, is tasks.
    func uninstall() {
        setHook(nil)
        while step() {}
    }

    private typealias Original = @convention(thin) (UnownedJob) -> Void
    private typealias Hook = @convention(thin) (UnownedJob, Original) -> Void

    private func setHook(_ hook: Hook?) {
        let symbol = dlsym(dlopen(nil, RTLD_LAZY), "swift_task_enqueueGlobal_hook")
        symbol!.assumingMemoryBound(to: Hook?.self).pointee = hook
    }

    /// Decides the order of what follows.
    func reseed(_ seed: UInt64) {
        state.withLock { $0.generator = SeededGenerator(seed: seed) }
    }

    /// Runs one job that can run.
    ///
    /// - Returns: `true` when there was one.
    @discardableResult
    func step() -> Bool {
        let job = state.withLock { state -> UnownedJob? in
            guard !state.jobs.isEmpty else { return nil }
            let index = Int.random(in: 0..<state.jobs.count, using: &state.generator)
            state.jobs.swapAt(index, state.jobs.count - 1)
            state.runningCount += 1
            return state.jobs.removeLast()
        }
        guard let job else { return false }
        job.runSynchronously(on: asUnownedTaskExecutor())
        state.withLock { $0.runningCount -= 1 }
        return true
    }

    /// Has further threads run jobs, until ``stopHelpers()``.
    func startHelpers(_ count: Int) {
        state.withLock { $0.hasHelpers = true }
        for _ in 0..<count {
            Thread.detachNewThread { [self] in
                while state.withLock({ $0.hasHelpers }) { if !step() { usleep(20) } }
            }
        }
    }

    func stopHelpers() {
        state.withLock { $0.hasHelpers = false }
    }

    /// Runs so many jobs, or all that there are.
    func run(_ count: Int) {
        for _ in 0..<count where !step() { return }
    }

    /// Runs until nothing can happen without the test's doing.
    ///
    /// - Returns: `true` when that came about; a program that turns in circles never comes to rest.
    func settle(limit: Int = 1_000_000) -> Bool {
        for _ in 0..<limit where !step() {
            // Jobs of another thread may lead to more.
            while state.withLock({ $0.jobs.isEmpty && $0.runningCount > 0 }) { usleep(20) }
            if state.withLock({ $0.jobs.isEmpty && $0.runningCount == 0 }) { return true }
        }
        return false
    }
}

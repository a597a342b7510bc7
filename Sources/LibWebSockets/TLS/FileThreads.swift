internal import Synchronization

/// Threads that read files, for which a file system may take as long as it likes (a server that is away, say). Neither a
/// loop nor Swift's executor can wait so long.
///
/// A thread lives as long as there is work; the limit keeps work that hangs from taking over the process.
final class FileThreads: Sendable {
    static let shared = FileThreads(limit: 16)

    typealias Work = @Sendable () -> Void

    private struct State {
        var threadCount = 0
        /// First come, first served.
        var waiting: [(id: UInt64, work: Work)] = []
        var nextID: UInt64 = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    /// Runs `work` on one of the threads.
    ///
    /// - Returns: 0; the system's error number when no thread could be started, and `work` will not run.
    func run(_ work: @escaping Work) -> CInt {
        let (id, needsThread) = state.withLock { state in
            let id = state.nextID
            state.nextID += 1
            state.waiting.append((id, work))
            guard state.threadCount < limit else { return (id, false) }
            state.threadCount += 1
            return (id, true)
        }
        guard needsThread, case let code = DetachedThread.start({ self.work() }), code != 0 else { return 0 }
        return state.withLock { state in
            state.threadCount -= 1
            // Another thread may have taken it.
            guard let index = state.waiting.firstIndex(where: { $0.id == id }) else { return 0 }
            state.waiting.remove(at: index)
            return code
        }
    }

    /// The body of a thread.
    private func work() {
        while let work = next() { work() }
    }

    private func next() -> Work? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.threadCount -= 1
                return nil
            }
            return state.waiting.removeFirst().work
        }
    }
}

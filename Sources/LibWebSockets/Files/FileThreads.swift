internal import Synchronization
internal import DequeModule

/// Threads that read files, for which a file system may take as long as it likes (a server that is away, say). Neither a
/// loop nor Swift's executor can wait so long.
///
/// A thread lives as long as there is work; the limit keeps work that hangs from taking over the process. A read of a file
/// that another thread is still reading waits for that, so that a file that hangs keeps one thread, however often it is
/// tried.
final class FileThreads: Sendable {
    static let shared = FileThreads(limit: 16)

    typealias ID = UInt64
    /// Runs on a thread, with 0; or, when there is no thread at all to run it, at once with the system's error number.
    typealias Work = @Sendable (_ threadError: CInt) -> Void
    /// Starts a thread; returns the system's error number, 0 when it has started.
    typealias StartThread = @Sendable (@escaping @Sendable () -> Void) -> CInt

    private struct Item {
        let id: ID
        let paths: Set<String>
        let work: Work
    }

    private struct State {
        var threadCount = 0
        /// The files that the threads read.
        var busyPaths: Set<String> = []
        /// First come, first served.
        var waiting: Deque<Item> = []
        var lastID: ID = 0

        /// Takes the item that may begin, if any.
        mutating func next() -> Item? {
            guard let index = waiting.firstIndex(where: { $0.paths.isDisjoint(with: busyPaths) }) else { return nil }
            let item = waiting.remove(at: index)
            busyPaths.formUnion(item.paths)
            return item
        }
    }

    private let limit: Int
    private let startThread: StartThread
    private let state = Lock(State())

    init(limit: Int, startThread: @escaping StartThread = { DetachedThread.start(named: "tls-files", $0) }) {
        self.limit = limit
        self.startThread = startThread
    }

    var waitingCount: Int { state.withLock(\.waiting.count) }

    /// Calls `work` once, unless it is cancelled first.
    ///
    /// - Parameter paths: The files that it reads.
    @discardableResult
    func run(reading paths: Set<String>, _ work: @escaping Work) -> ID {
        let (id, needsThread) = state.withLock { state in
            state.lastID += 1
            state.waiting.append(Item(id: state.lastID, paths: paths, work: work))
            guard state.threadCount < limit, paths.isDisjoint(with: state.busyPaths) else {
                return (state.lastID, false)
            }
            state.threadCount += 1
            return (state.lastID, true)
        }
        guard needsThread, case let code = startThread({ self.work() }), code != 0 else { return id }
        let abandoned = state.withLock { state -> Deque<Item> in
            state.threadCount -= 1
            // A thread that is there comes to it. Without one, nobody would.
            guard state.threadCount == 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for item in abandoned { item.work(code) }
        return id
    }

    /// Drops work that no thread has begun: nobody wants it any more.
    func cancel(_ id: ID) {
        // The objects that the entry holds are released outside of the lock.
        _ = state.withLock { state in
            state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
        }
    }

    /// Reads something on one of the threads, in a task that may wait for it.
    ///
    /// - Throws: The error of `read`; an error that names the shortage where there is no thread; `CancellationError` as
    ///   soon as the task is cancelled, whatever the file system does.
    func read<Value: Sendable>(
        _ paths: Set<String>, _ read: @escaping @Sendable () throws(WebSocketError) -> Value
    ) async throws -> Value {
        // A stream of one element ends as soon as the task is cancelled.
        let (results, result) = AsyncStream.makeStream(of: Result<Value, WebSocketError>.self)
        let id = run(reading: paths) { threadError in
            result.yield(
                Result { () throws(WebSocketError) in
                    guard threadError == 0 else { throw Self.noThreadError(threadError) }
                    return try read()
                })
            result.finish()
        }
        for await result in results { return try result.get() }
        cancel(id)
        throw CancellationError()
    }

    static func noThreadError(_ code: CInt) -> WebSocketError {
        .resourceUnavailable(code, stage: .configuration, for: "no thread could be started to read the TLS files")
    }

    /// The body of a thread.
    private func work() {
        var item = next(after: nil)
        while let current = item {
            current.work(0)
            item = next(after: current)
        }
    }

    private func next(after done: Item?) -> Item? {
        state.withLock { state in
            if let done { state.busyPaths.subtract(done.paths) }
            let next = state.next()
            if next == nil { state.threadCount -= 1 }
            return next
        }
    }
}

internal import Dispatch
internal import Synchronization

/// One thread with one libwebsockets context, which carries any number of connections.
///
/// Most programs need no loop of their own: connections and servers use ``shared`` unless told otherwise. A loop is
/// also a `TaskExecutor`: a task that prefers it runs on the loop's thread, so that messages reach it without a hop
/// between threads. Such a task must not block.
public final class SocketLoop: TaskExecutor {
    /// The loop that connections use unless told otherwise. Its thread starts with the first connection.
    public static let shared = SocketLoop()

    private enum Life {
        case idle
        case running
        case ended
    }

    /// The mechanism that waits for the sockets.
    enum Backend {
        /// libuv where libwebsockets' plugin for it is installed, else `poll(2)`.
        case automatic
        case libuv
        case poll
    }

    private let life = Lock(Life.idle)
    /// The thread runs, or has ended since: then the mailbox says so.
    private let hasBegun = Atomic<Bool>(false)
    private let backend: Backend
    private let mailbox = Mailbox()
    private let end = EndSignal()
    let frameBuffers = FrameBufferPool()

    /// Creates a loop. Its thread starts with the first connection, and ends with ``shutDown()`` or when neither the
    /// program nor a connection refers to the loop any more.
    public convenience init() {
        self.init(backend: .automatic)
    }

    init(backend: Backend) {
        self.backend = backend
    }

    deinit {
        _ = mailbox.post(.run { $0.shutDown() })
    }

    /// Aborts every connection of this loop, ends its thread and frees what it held.
    ///
    /// Calls that wait on a connection fail with ``WebSocketError/Code/loopShutDown``. Returns when the thread has
    /// let go of everything. Close connections first to tell their peers. Must not be called from a task that runs on
    /// this loop.
    public func shutDown() async {
        let hasThread = life.withLock { life in
            defer { life = .ended }
            if case .idle = life { return false }
            return true
        }
        if hasThread { _ = mailbox.post(.run { $0.shutDown() }) } else { end.signal() }
        await end.wait()
    }

    /// Runs `work` on the loop's thread, which is started when it is not running yet.
    func submit(_ work: @escaping @Sendable (LoopCore) -> Void) throws(WebSocketError) {
        try submit(.run(work))
    }

    func submit(_ work: LoopWork) throws(WebSocketError) {
        try start()
        guard mailbox.post(work) else { throw Self.shutDownError }
    }

    static var shutDownError: WebSocketError {
        WebSocketError(
            .loopShutDown, stage: .configuration,
            message: "the socket loop was shut down; make connections on another one")
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // A job cannot be refused: without a thread of its own any more, the loop passes it on.
        guard (try? start()) != nil, mailbox.post(unsafe .job(job, asUnownedTaskExecutor())) else {
            globalConcurrentExecutor.enqueue(job)
            return
        }
    }

    private func start() throws(WebSocketError) {
        if hasBegun.load(ordering: .acquiring) { return }
        let error: WebSocketError? = life.withLock { life in
            switch life {
            case .running: return nil
            case .ended: return Self.shutDownError
            case .idle: break
            }
            do throws(WebSocketError) {
                try Self.startThread(mailbox: mailbox, backend: backend, end: end)
                life = .running
                hasBegun.store(true, ordering: .releasing)
                return nil
            } catch {
                // The error is not kept: the resource that is missing now may be there for the next connection.
                return error
            }
        }
        if let error { throw error }
    }

    /// The thread holds the core and the signal, not the loop: so the loop's `deinit` can end it. It makes the core itself,
    /// because libwebsockets belongs to the thread that made the context.
    private static func startThread(
        mailbox: Mailbox, backend: Backend, end: EndSignal
    ) throws(WebSocketError) {
        let start = StartSignal()
        let code = DetachedThread.start(named: "socket-loop") {
            LibraryStartup.loggingHold.hold()
            let core: LoopCore
            do throws(WebSocketError) {
                core = try LoopCore(mailbox: mailbox, backend: backend)
            } catch {
                start.give(error)
                return LibraryStartup.loggingHold.release()
            }
            start.give(nil)
            LibraryStartup.loggingHold.release()
            core.run()
            end.signal()
        }
        guard code == 0 else {
            throw .resourceUnavailable(
                code, stage: .configuration, for: "the socket loop's thread could not be started")
        }
        if let error = start.wait() { throw error }
    }
}

/// Lets the thread that starts a loop wait until the loop is made: for as long as making it takes, a millisecond or so.
private final class StartSignal: Sendable {
    private let error = Lock<WebSocketError?>(nil)
    private let semaphore = DispatchSemaphore(value: 0)

    /// - Parameter error: The reason why it could not be made.
    func give(_ error: WebSocketError?) {
        self.error.withLock { $0 = error }
        semaphore.signal()
    }

    func wait() -> WebSocketError? {
        semaphore.wait()
        return error.withLock { $0 }
    }
}

/// Lets tasks wait for the end of the loop's thread.
private final class EndSignal: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Void, Never>])
        case ended
    }

    private let state = Lock(State.waiting([]))

    func signal() {
        let waiters = state.withLock { state in
            guard case .waiting(let waiters) = state else { return [CheckedContinuation<Void, Never>]() }
            state = .ended
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                guard case .waiting(let waiters) = state else { return true }
                state = .waiting(waiters + [continuation])
                return false
            }
            if hasEnded { continuation.resume() }
        }
    }
}

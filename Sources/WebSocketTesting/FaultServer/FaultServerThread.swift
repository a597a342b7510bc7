import Synchronization
internal import LibC

/// A thread that can be joined, which neither Foundation's `Thread` nor a dispatch queue can.
struct FaultServerThread: Sendable {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        let isFinished = Atomic(false)

        init(body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    #if canImport(Darwin)
        // A thread's identifier is only joined; Darwin alone declares it as a pointer.
        private nonisolated(unsafe) let thread: pthread_t
    #else
        private let thread: pthread_t
    #endif
    private let work: Work

    init(_ body: @escaping @Sendable () -> Void) throws {
        let work = Work(body: body)
        self.work = work
        let context = Unmanaged.passRetained(work).toOpaque()
        #if canImport(Darwin)
            var thread: pthread_t?
            let code = pthread_create(&thread, nil, { Self.run($0) }, context)
        #else
            var thread: pthread_t? = pthread_t()
            let code = pthread_create(&thread!, nil, { Self.run($0!) }, context)
        #endif
        guard code == 0, let thread else {
            Unmanaged<Work>.fromOpaque(context).release()
            errno = code
            throw FaultServerError.systemCall("pthread_create")
        }
        self.thread = thread
    }

    func join() {
        pthread_join(thread, nil)
    }

    /// Lets the thread end by itself, in place of ``join()``.
    func detach() {
        pthread_detach(thread)
    }

    /// Joins the thread if it needs no wait for that.
    func joinIfFinished() -> Bool {
        guard work.isFinished.load(ordering: .acquiring) else { return false }
        join()
        return true
    }

    private static func run(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        let work = Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
        // Writing to a connection that the client has closed must be an error and not end the process; OpenSSL writes
        // with write(2), which has no flag for that.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        work.body()
        work.isFinished.store(true, ordering: .releasing)
        return nil
    }
}

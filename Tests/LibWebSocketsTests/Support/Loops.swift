import LibC
import Dispatch

@testable import LibWebSockets

extension SocketLoop {
    /// A loop of a test's own, on the backend that `SWIFT_LIBWEBSOCKETS_BACKEND` names (`poll` or `libuv`), else on the
    /// one that users get. Running the tests with `poll` shows that they do not depend on libuv.
    static func forTest() -> SocketLoop {
        SocketLoop(backend: testBackend)
    }

    fileprivate static let testBackend: Backend = {
        guard let value = getenv("SWIFT_LIBWEBSOCKETS_BACKEND") else { return .automatic }
        switch String(cString: value) {
        case "poll": return .poll
        case "libuv": return .libuv
        default: return .automatic
        }
    }()
}

extension SocketLoop {
    /// The loops of ``forTest()`` run on libuv, which knows more about failed connections than `poll` does.
    static let testsRunOnLibuv: Bool = {
        switch testBackend {
        case .libuv: true
        case .poll: false
        // Its thread ends with the reference.
        case .automatic: (try? SocketLoop(backend: .libuv).submit { _ in }) != nil
        }
    }()
}

extension SocketLoop {
    /// Keeps the loop from doing anything until the returned closure is called, so that it finds at once all that its
    /// peers did meanwhile.
    func occupy() async -> @Sendable () -> Void {
        let end = DispatchSemaphore(value: 0)
        await withCheckedContinuation { begun in
            Task(executorPreference: self) {
                begun.resume()
                Self.wait(for: end)
            }
        }
        return { end.signal() }
    }

    /// Not to be called from an `async` function directly.
    private static func wait(for semaphore: DispatchSemaphore) { semaphore.wait() }

    /// The share of `time` that the loop's thread spends on the processor.
    func load(during time: Duration) async throws -> Double {
        let before = await processorTime()
        let start = ContinuousClock.now
        try await Task.sleep(for: time)
        let used = await processorTime() - before
        return used / start.duration(to: .now)
    }

    private func processorTime() async -> Duration {
        await Task(executorPreference: self) {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Duration.seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
        }.value
    }

    /// For tests that need both, whatever the environment says.
    static let testBackends: [Backend] = testsRunOnLibuv ? [.libuv, .poll] : [.poll]

    /// Runs `work` on the loop and returns what it returns.
    func run<Value: Sendable>(_ work: @escaping @Sendable (LoopCore) -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try submit { continuation.resume(returning: work($0)) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}

/// Tells threads apart.
var currentThread: UInt { UInt(bitPattern: pthread_self().hashValue) }

/// The system's name for the thread.
var currentThreadName: String {
    var bytes = [UInt8](repeating: 0, count: 64)
    #if os(Linux)
        // Swift's module of the C library lacks pthread_getname_np(3).
        let file = open("/proc/thread-self/comm", O_RDONLY)
        let count = max(0, read(file, &bytes, bytes.count))
        close(file)
        return String(decoding: bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    #else
        bytes.withUnsafeMutableBytes { _ = pthread_getname_np(pthread_self(), $0.baseAddress!, $0.count) }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    #endif
}

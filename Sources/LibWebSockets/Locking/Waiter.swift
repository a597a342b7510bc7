/// A task that waits, to be resumed exactly once, by anybody.
///
/// A debug build, and so every test, uses a `CheckedContinuation`, which reports one that is forgotten and traps on a
/// second resumption. Only the standard library knows its layout: values that hold one are copied and moved by way of the
/// runtime, which was a quarter of the instructions of a round trip. So a release build does without the checks.
@safe package struct Waiter<Value: Sendable>: Sendable {
    #if DEBUG
        private let continuation: CheckedContinuation<Value, any Error>
    #else
        private let continuation: UnsafeContinuation<Value, any Error>
    #endif
    #if THREAD_SANITIZER_LOCKS
        private let fence: Fence
    #endif

    /// Suspends the task until the waiter that `body` gets is resumed.
    package static func wait(_ body: (Waiter) -> Void) async throws -> Value {
        #if THREAD_SANITIZER_LOCKS
            let fence = Fence()
            defer { fence.pass() }
            return try await withCheckedThrowingContinuation { body(Waiter(continuation: $0, fence: fence)) }
        #elseif DEBUG
            return try await withCheckedThrowingContinuation { body(Waiter(continuation: $0)) }
        #else
            return try await unsafe withUnsafeThrowingContinuation { unsafe body(Waiter(continuation: $0)) }
        #endif
    }

    package func resume(with result: Result<Value, any Error>) {
        #if THREAD_SANITIZER_LOCKS
            fence.pass()
        #endif
        #if DEBUG
            continuation.resume(with: result)
        #else
            unsafe continuation.resume(with: result)
        #endif
    }

    package func resume(returning value: Value) {
        resume(with: .success(value))
    }

    package func resume(throwing error: any Error) {
        resume(with: .failure(error))
    }
}

extension Waiter<Void> {
    package func resume() {
        resume(returning: ())
    }
}

#if THREAD_SANITIZER_LOCKS
    /// Tells ThreadSanitizer that what comes before a resumption comes before what the waiting task does next.
    ///
    /// Swift's run time (6.3.1) leaves that out when the continuation is resumed before its task suspends: a program of ten
    /// lines that hands over an object in this way is reported.
    private final class Fence: Sendable {
        private let lock = Lock<Void>(())

        func pass() {
            lock.withLock { _ in }
        }
    }
#endif

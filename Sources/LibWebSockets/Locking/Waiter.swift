/// A task that waits, to be resumed exactly once, by anybody.
///
/// A debug build, and so every test, uses a `CheckedContinuation`, which reports one that is forgotten and traps on a second
/// resumption. Its layout is known to the standard library alone: what holds one is then copied and moved by way of the runtime,
/// which was a quarter of the instructions of a round trip. So a release build does without the checks.
@safe struct Waiter<Value: Sendable>: Sendable {
    #if DEBUG
        private let continuation: CheckedContinuation<Value, any Error>
    #else
        private let continuation: UnsafeContinuation<Value, any Error>
    #endif

    /// Suspends the task until the waiter that `body` gets is resumed.
    static func wait(_ body: (Waiter) -> Void) async throws -> Value {
        #if DEBUG
            try await withCheckedThrowingContinuation { body(Waiter(continuation: $0)) }
        #else
            try await unsafe withUnsafeThrowingContinuation { unsafe body(Waiter(continuation: $0)) }
        #endif
    }

    func resume(with result: Result<Value, any Error>) {
        #if DEBUG
            continuation.resume(with: result)
        #else
            unsafe continuation.resume(with: result)
        #endif
    }

    func resume(returning value: Value) {
        resume(with: .success(value))
    }

    func resume(throwing error: any Error) {
        resume(with: .failure(error))
    }
}

extension Waiter<Void> {
    func resume() {
        resume(returning: ())
    }
}

extension ServiceEnvironment {
    /// Runs an operation that may hang, even in spite of being cancelled: past its limit, or when this task is cancelled,
    /// it is cancelled and no longer waited for.
    ///
    /// - Parameter discard: Gets the value that comes too late.
    /// - Throws: The error of the operation; ``DeadlineExceeded``; `CancellationError`.
    func withLimit<Value: Sendable>(
        _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value,
        discard: @escaping @Sendable (Value) -> Void = { _ in }
    ) async throws -> Value {
        let deadline = clock.deadline(after: limit)
        let result = Completion<Value>()
        let scope = AttemptScope.current
        let work = start {
            do {
                var scope = scope
                scope?.task = CurrentTask()
                let value = try await AttemptScope.$current.withValue(scope) { try await operation() }
                if !result.succeed(value) { discard(value) }
            } catch {
                result.fail(error)
            }
        }
        defer { work.cancel() }
        return try await withWatch {
            try await clock.sleep(until: deadline)
            result.fail(DeadlineExceeded(limit: limit))
        } body: {
            try await result.value()
        }
    }
}

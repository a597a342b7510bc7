/// Makes a future and completes it.
public struct EventLoopPromise<Value: Sendable>: Sendable {
    /// The future.
    public let futureResult: EventLoopFuture<Value>

    /// Completes the future with a value. Only the first completion counts.
    public func succeed(_ value: Value) { futureResult.complete(.success(value)) }

    /// Completes the future with an error.
    public func fail(_ error: any Error) { futureResult.complete(.failure(error)) }

    /// Completes the future with a result.
    public func completeWith(_ result: Result<Value, any Error>) { futureResult.complete(result) }
}

extension EventLoopPromise where Value == Void {
    /// Completes the future.
    public func succeed() { succeed(()) }

    func complete(_ error: (any Error)?) {
        if let error { fail(error) } else { succeed() }
    }
}

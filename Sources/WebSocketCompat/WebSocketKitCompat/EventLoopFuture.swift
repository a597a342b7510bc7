internal import Synchronization
internal import Dispatch
internal import LibWebSockets

/// A value that will be there, or an error.
public final class EventLoopFuture<Value: Sendable>: Sendable {
    typealias Callback = @Sendable (Result<Value, any Error>) -> Void

    private enum State: Sendable {
        case waiting([Callback])
        case complete(Result<Value, any Error>)
    }

    private let state = Lock(State.waiting([]))
    /// The event loop that it belongs to.
    public let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func complete(_ result: Result<Value, any Error>) {
        let callbacks = state.withLock { state -> [Callback] in
            guard case .waiting(let callbacks) = state else { return [] }
            state = .complete(result)
            return callbacks
        }
        for callback in callbacks { callback(result) }
    }

    /// Calls a closure with the result, once there is one.
    @preconcurrency
    public func whenComplete(_ callback: @escaping @Sendable (Result<Value, any Error>) -> Void) {
        let result = state.withLock { state -> Result<Value, any Error>? in
            switch state {
            case .complete(let result): return result
            case .waiting(let callbacks):
                state = .waiting(callbacks + [callback])
                return nil
            }
        }
        if let result { callback(result) }
    }

    /// Calls a closure with the value, once there is one.
    @preconcurrency
    public func whenSuccess(_ callback: @escaping @Sendable (Value) -> Void) {
        whenComplete { if case .success(let value) = $0 { callback(value) } }
    }

    /// Calls a closure with the error, if there is one.
    @preconcurrency
    public func whenFailure(_ callback: @escaping @Sendable (any Error) -> Void) {
        whenComplete { if case .failure(let error) = $0 { callback(error) } }
    }

    /// The future of a value made from this one's.
    @preconcurrency
    public func map<NewValue: Sendable>(
        _ transform: @escaping @Sendable (Value) -> NewValue
    ) -> EventLoopFuture<NewValue> {
        let mapped = EventLoopFuture<NewValue>(eventLoop: eventLoop)
        whenComplete { mapped.complete($0.map(transform)) }
        return mapped
    }

    /// Waits for the value.
    public func get() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            whenComplete { continuation.resume(with: $0) }
        }
    }

    /// Waits for the value and blocks the thread meanwhile.
    @available(*, noasync, message: "use get()")
    public func wait() throws -> Value {
        let done = DispatchSemaphore(value: 0)
        let result = Lock<Result<Value, any Error>?>(nil)
        whenComplete { value in
            result.withLock { $0 = value }
            done.signal()
        }
        done.wait()
        guard let value = result.withLock({ $0 }) else { throw CancellationError() }
        return try value.get()
    }
}

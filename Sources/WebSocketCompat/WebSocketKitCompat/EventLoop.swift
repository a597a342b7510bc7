internal import Dispatch
internal import LibWebSockets

/// One loop with its thread.
public protocol EventLoop: EventLoopGroup {
    /// Runs a closure on the loop's thread, which it must not block.
    func execute(_ task: @escaping @Sendable () -> Void)
}

extension EventLoop {
    public func next() -> any EventLoop { self }

    /// A promise whose future belongs to this loop.
    public func makePromise<Value: Sendable>(of type: Value.Type = Value.self) -> EventLoopPromise<Value> {
        EventLoopPromise(futureResult: EventLoopFuture(eventLoop: self))
    }

    /// A future that has its value.
    public func makeSucceededFuture<Value: Sendable>(_ value: Value) -> EventLoopFuture<Value> {
        let promise = makePromise(of: Value.self)
        promise.succeed(value)
        return promise.futureResult
    }

    /// A future that has failed.
    public func makeFailedFuture<Value: Sendable>(_ error: any Error) -> EventLoopFuture<Value> {
        let promise = makePromise(of: Value.self)
        promise.fail(error)
        return promise.futureResult
    }

    var socketLoop: SocketLoop { (self as? SocketEventLoop)?.loop ?? .shared }
}

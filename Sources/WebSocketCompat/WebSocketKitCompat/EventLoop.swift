internal import Dispatch
internal import Foundation
internal import LibWebSockets

/// The loops that carry connections: here one or more of this library's own. Those of SwiftNIO are not these.
public protocol EventLoopGroup: AnyObject, Sendable {
    /// The loop for the next connection: each in turn.
    func next() -> any EventLoop
    /// Aborts the connections and ends the threads; the shared loop goes on.
    func shutdownGracefully() async throws
}

/// One loop with its thread.
public protocol EventLoop: EventLoopGroup {
    /// Runs a closure on the loop's thread, which it must not block.
    func execute(_ task: @escaping @Sendable () -> Void)
}

extension EventLoopGroup {
    /// Any of the loops.
    public func any() -> any EventLoop { next() }

    /// Shuts the loops down as ``shutdownGracefully()`` does, and blocks the thread meanwhile.
    @available(*, noasync, message: "use shutdownGracefully()")
    public func syncShutdownGracefully() throws {
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            try? await self.shutdownGracefully()
            done.signal()
        }
        done.wait()
    }
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

/// A loop of this library's, in the original's shape.
final class SocketEventLoop: EventLoop {
    static let shared = SocketEventLoop(.shared)

    let loop: SocketLoop

    init(_ loop: SocketLoop = SocketLoop()) {
        self.loop = loop
    }

    func execute(_ task: @escaping @Sendable () -> Void) {
        Task.detached(executorPreference: loop) { task() }
    }

    func shutdownGracefully() async throws {
        // Other parts of the program use the shared one.
        if loop !== SocketLoop.shared { await loop.shutDown() }
    }
}

/// A number of loops, each with its thread.
public final class MultiThreadedEventLoopGroup: EventLoopGroup {
    /// The loop that every connection of this library uses unless told otherwise.
    public static let singleton = MultiThreadedEventLoopGroup(loops: [SocketEventLoop.shared])

    private let loops: [SocketEventLoop]
    private let position = Lock(0)

    /// A group of so many loops: from one to `SocketLoopGroup.maximumCount`, whatever is asked for.
    public convenience init(numberOfThreads: Int) {
        self.init(loops: SocketLoopGroup(count: numberOfThreads).loops.map { SocketEventLoop($0) })
    }

    private init(loops: [SocketEventLoop]) {
        self.loops = loops
    }

    public func next() -> any EventLoop {
        position.withLock { position in
            position = (position + 1) % loops.count
            return loops[position]
        }
    }

    public func shutdownGracefully() async throws {
        for loop in loops { try await loop.shutdownGracefully() }
    }
}

/// The machine that the program runs on.
public enum System {
    /// The number of processors that the program may use.
    public static var coreCount: Int { ProcessInfo.processInfo.activeProcessorCount }
}

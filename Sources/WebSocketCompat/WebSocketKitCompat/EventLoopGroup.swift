internal import Dispatch

/// The loops that carry connections: here one or more of this library's own. Those of SwiftNIO are not these.
public protocol EventLoopGroup: AnyObject, Sendable {
    /// The loop for the next connection: each in turn.
    func next() -> any EventLoop
    /// Aborts the connections and ends the threads; the shared loop goes on.
    func shutdownGracefully() async throws
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

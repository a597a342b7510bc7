internal import Synchronization
internal import LibWebSockets

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

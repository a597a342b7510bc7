internal import LibWebSockets

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

internal import Synchronization
internal import DequeModule
internal import LibWebSockets

/// Brings pings and pongs from the loop's thread to a handler, one at a time.
///
/// A peer may send any number of them while the handler is busy: of those that wait, the newest ``limit`` are kept.
final class ControlFrameQueue: Sendable {
    typealias Handler = @Sendable (ControlFrame) async -> Void

    private static let limit = 256

    private struct State: Sendable {
        var frames = Deque<ControlFrame>()
        var handler: Handler?
        var isOpen = false
        var isRunning = false

        mutating func starts() -> Bool {
            guard isOpen, !isRunning, !frames.isEmpty else { return false }
            isRunning = true
            return true
        }
    }

    private let state: Lock<State>

    init(_ handler: @escaping Handler) {
        state = Lock(State(handler: handler))
    }

    func add(_ frame: ControlFrame) {
        let starts = state.withLock { state in
            guard state.handler != nil else { return false }
            if state.frames.count == Self.limit { state.frames.removeFirst() }
            state.frames.append(frame)
            return state.starts()
        }
        if starts { start() }
    }

    /// The program knows of the connection now.
    func open() {
        let starts = state.withLock { state in
            state.isOpen = true
            return state.starts()
        }
        if starts { start() }
    }

    /// Lets the handler go.
    func end() {
        let ended = state.withLock { state in
            defer { state = State() }
            return state
        }
        withExtendedLifetime(ended) {}
    }

    private func start() {
        Task.detached { await self.run() }
    }

    private func run() async {
        while let (frame, handler) = next() { await handler(frame) }
    }

    private func next() -> (ControlFrame, Handler)? {
        state.withLock { state in
            guard state.isOpen, let handler = state.handler, let frame = state.frames.popFirst() else {
                state.isRunning = false
                return nil
            }
            return (frame, handler)
        }
    }
}

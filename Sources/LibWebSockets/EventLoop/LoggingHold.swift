internal import Synchronization

/// Holds log lines back while locks are held: the app's log handler may do anything, and so runs outside of them.
final class LoggingHold: Sendable {
    private struct State {
        var holders = 0
        var lines: [@Sendable () -> Void] = []
    }

    private let state = Lock(State())

    /// Holds lines back until ``release()`` has been called as often.
    func hold() {
        state.withLock { $0.holders += 1 }
    }

    func release() {
        let lines = state.withLock { state in
            state.holders -= 1
            guard state.holders == 0 else { return [@Sendable () -> Void]() }
            defer { state.lines = [] }
            return state.lines
        }
        for log in lines { log() }
    }

    /// Calls `log`, now or when nothing is held back any more.
    func log(_ log: @escaping @Sendable () -> Void) {
        let isHeld = state.withLock { state in
            if state.holders > 0 { state.lines.append(log) }
            return state.holders > 0
        }
        if !isHeld { log() }
    }
}

internal import WebSocketProtocol

/// What a server for tests does wrong on purpose, on one connection.
package struct ConnectionFaults: Sendable {
    /// Whether nothing is read from the network.
    package var readsNothing = false
    /// Whether pings get no pong.
    package var ignoresPings = false
    /// How long what arrives waits before it is read.
    package var delay = Duration.zero
    /// Told of the messages that arrive, on the loop's thread: it must not block.
    package var received: (@Sendable ([WebSocketMessage]) -> Void)?
    /// Whether what waits has waited for long enough.
    fileprivate var isDelayOver = false

    package init() {}
}

// The loop's.
extension Connection {
    /// Whether what has arrived may be read; otherwise reading stops until it may.
    func mayReadNow() -> Bool {
        guard let faults, faults.readsNothing || faults.delay > .zero, let pipe else { return true }
        if !faults.readsNothing, faults.isDelayOver {
            self.faults?.isDelayOver = false
            return true
        }
        pipe.setReading(false)
        guard !faults.readsNothing else { return false }
        _ = pipe.core.schedule(after: faults.delay) { [weak self] in
            guard let self else { return }
            self.faults?.isDelayOver = true
            self.pipe?.setReading(true)
        }
        return false
    }
}

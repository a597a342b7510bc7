internal import WebSocketProtocol

/// The faults that a server for tests commits on purpose, on one connection.
package struct ConnectionFaults: Sendable {
    /// Reads nothing from the network.
    package var readsNothing = false
    /// Leaves pings without a pong.
    package var ignoresPings = false
    /// The time that arriving bytes wait before they are read.
    package var delay = Duration.zero
    /// Told of the messages that arrive, on the loop's thread: it must not block.
    package var received: (@Sendable ([WebSocketMessage]) -> Void)?
    /// The waiting bytes have waited for long enough.
    fileprivate var isDelayOver = false

    package init() {}
}

// Called on the loop's thread only.
extension Connection {
    /// Tells whether arrived bytes may be read; otherwise reading stops until they may.
    func mayReadNow() -> Bool {
        guard let faults, faults.readsNothing || faults.delay > .zero, let pipe else { return true }
        if !faults.readsNothing, faults.isDelayOver {
            self.faults?.isDelayOver = false
            return true
        }
        pipe.setReading(false)
        guard !faults.readsNothing else { return false }
        _ = pipe.schedule(after: faults.delay) { [weak self] in
            guard let self else { return }
            self.faults?.isDelayOver = true
            self.pipe?.setReading(true)
        }
        return false
    }
}

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
        _ = pipe.core.schedule(after: faults.delay) { [weak self] in
            guard let self else { return }
            self.faults?.isDelayOver = true
            self.pipe?.setReading(true)
        }
        return false
    }
}

// Called on any thread.
extension WebSocket {
    /// Changes what this connection does wrong, and returns when it does.
    package func changeFaults(_ change: @escaping @Sendable (inout ConnectionFaults) -> Void) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            do {
                try connection.socketLoop.submit { [connection] _ in
                    var faults = connection.faults ?? ConnectionFaults()
                    change(&faults)
                    connection.faults = faults
                    connection.pipe?.setReading(true)
                    continuation.resume()
                }
            } catch {
                // The loop has ended, and with it the connection.
                continuation.resume()
            }
        }
    }

    /// Sends bytes as they are, behind what waits to be sent.
    ///
    /// - Parameter dropping: Drops the connection after them, once the system has taken what it takes at once.
    package func sendRaw(_ bytes: [UInt8], dropping: Bool = false) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            do {
                try connection.socketLoop.submit { [connection] core in
                    connection.withOutbound { outbound in
                        unsafe bytes.withUnsafeBytes { unsafe outbound.queue.appendRaw($0) }
                    }
                    connection.service(core)
                    if dropping {
                        _ = connection.pipeIsWritable()
                        _ = connection.pipe?.flush()
                        connection.perform(connection.withOutbound { $0.queue.machine.abort() })
                    }
                    continuation.resume()
                }
            } catch {
                continuation.resume()
            }
        }
    }
}

internal import WebSocketProtocol

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
    /// - Parameter aborting: Aborts the connection after them, once the system has taken what it takes at once.
    package func sendRaw(_ bytes: [UInt8], aborting: Bool = false) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            do {
                try connection.socketLoop.submit { [connection] _ in
                    connection.withOutbound { outbound in
                        unsafe bytes.withUnsafeBytes { unsafe outbound.queue.appendRaw($0) }
                    }
                    connection.serviceOutput()
                    if aborting {
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

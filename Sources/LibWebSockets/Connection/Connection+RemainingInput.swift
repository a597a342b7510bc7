internal import WebSocketProtocol

// Called on the loop's thread only.
extension Connection {
    func pipeDidEnd(_ end: TransportEnd, unused: [UInt8]) {
        pipeDidRead()
        transportError = Self.lossError(end, peer: peer)
        var machineEnd = ConnectionStateMachine.EndOfTransport.failure
        if case .endOfStream = end.cause { machineEnd = .endOfStream }
        if let closeDeadline { pipe?.core.cancel(closeDeadline) }
        endKeepAlive()
        pipe = nil
        remainingInput = RemainingInput(bytes: unused, end: machineEnd)
        readRemainingInput()
    }

    /// Reads on in what had arrived before the transport ended, within the same budgets, and reports the end after that.
    /// Where nobody takes the messages, everybody else is told of a failure at once.
    func readRemainingInput() {
        guard var rest = remainingInput else { return }
        remainingInput = nil
        if rest.used < rest.bytes.count, !reader.hasEnded, withInbound({ $0.isFlowing }) {
            rest.used += unsafe rest.bytes.withUnsafeMutableBytes { bytes in
                unsafe read(UnsafeMutableRawBufferPointer(rebasing: bytes[rest.used...]))
            }
            pipeDidRead()
            if rest.used < rest.bytes.count, !reader.hasEnded {
                remainingInput = rest
                if mayPause, withInbound({ $0.isPaused }) {
                    guard !hasOutcome else { return }
                    // What the peer said last counts, whoever takes the messages in front of it, and when.
                    let frame = reader.closeFrame(in: rest.bytes[rest.used...])
                    advance(endingMessages: false) { machine in
                        if let frame { _ = machine.received(frame) }
                        return machine.transportEnded(rest.end)
                    }
                    return
                }
                // When the loop has ended, nobody can read the rest.
                if (try? socketLoop.submit({ _ in self.readRemainingInput() })) != nil { return }
                remainingInput = nil
            }
        }
        if hasOutcome {
            endMessages(with: outcome?.error)
        } else {
            advance { $0.transportEnded(rest.end) }
        }
        segment = nil
        // Whoever keeps the `WebSocket` of a connection that is over should not keep what it needed.
        reader.end()
        compressor?.release()
    }
}

internal import WebSocketProtocol

// Called on the loop's thread only.
extension Connection {
    func pipeDidEnd(_ end: PipeEnd, unused: [UInt8]) {
        pipeDidRead()
        pipeError = Self.lossError(end, peer: peer)
        var machineEnd = ConnectionStateMachine.EndOfPipe.failure
        if case .endOfStream = end.cause { machineEnd = .endOfStream }
        if let closeDeadline { pipe?.cancel(closeDeadline) }
        endKeepAlive()
        pipe = nil
        remainingInput = RemainingInput(bytes: unused, end: machineEnd)
        readRemainingInput()
    }

    /// Reads on in what had arrived before the pipe ended, within the same budgets, and reports the end after that.
    /// Everybody else is told of a failure at once where nobody takes the messages.
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
                    guard !isEndPublished else { return }
                    // The peer's last words count, whoever takes the messages in front of them, and when.
                    let frame = reader.closeFrame(in: rest.bytes[rest.used...])
                    advance(endingMessages: false) { machine in
                        if let frame { _ = machine.received(frame) }
                        return machine.pipeEnded(rest.end)
                    }
                    return
                }
                // Nobody can read the rest once the loop has ended.
                if (try? socketLoop.submit({ _ in self.readRemainingInput() })) != nil { return }
                remainingInput = nil
            }
        }
        if isEndPublished {
            endMessages(with: ending?.error)
        } else {
            advance { $0.pipeEnded(rest.end) }
        }
        segment = nil
        // A connection that is over lets go of what it needed, since somebody may keep its `WebSocket`.
        reader.end()
        compressor?.release()
    }
}

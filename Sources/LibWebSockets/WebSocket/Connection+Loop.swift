internal import Logging
internal import Synchronization
internal import WebSocketProtocol

// Called on the loop's thread only.
extension Connection: PipeConsumer {
    /// Something was added to the output, or the state has changed.
    func service(_ core: LoopCore) {
        let (state, hasWork) = withOutbound { outbound in
            outbound.queue.isScheduled = false
            return (outbound.queue.machine.state, !outbound.queue.isEmpty || outbound.queue.endsWhenEmpty)
        }
        guard let pipe else { return }
        switch state {
        case .closing where closeDeadline == nil:
            startCloseDeadline(core)
            // The peer's close frame may stand behind messages that nobody takes any more.
            pipe.setReading(true)
        case .closed(let closure, _) where outcome == nil: perform(.abort(closure))
        default: break
        }
        if hasWork || segment != nil { pipe.requestWrite() }
    }

    private func startCloseDeadline(_ core: LoopCore) {
        if let closeDeadline { core.cancel(closeDeadline) }
        closeDeadline = core.schedule(after: limits.closeTimeout) { [weak self] in
            guard let self else { return }
            perform(withOutbound { $0.queue.machine.closeDeadlinePassed() })
        }
    }

    func pipeIsWritable() -> Bool {
        guard let pipe else { return false }
        var room = Self.largestTurn
        while room > 0 {
            if segment == nil {
                let finished = withOutbound { outbound in
                    segment = outbound.queue.takeSegment()
                    return segment == nil && outbound.queue.endsWhenEmpty
                }
                segmentOffset = 0
                if finished { return false }
            }
            guard let frames = segment?.frames else { break }
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: frames.bytes[segmentOffset...])
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: rest.prefix(Self.largestWrite))
            guard let count = unsafe pipe.write(UnsafeRawBufferPointer(piece)) else { break }
            segmentOffset += count
            room -= count
            if segmentOffset == frames.count {
                segment = nil
                withOutbound { $0.queue.recycle(frames) }
            }
            if count < piece.count { break }
        }
        let waiters = withOutbound { outbound -> [CheckedContinuation<Void, any Error>] in
            // Half empty: fewer and longer runs of the senders than resuming them at the first free byte.
            guard !outbound.waiters.isEmpty, outbound.queue.byteCount <= limits.sendBuffer / 2 else { return [] }
            return outbound.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
        if segment != nil || room <= 0 { pipe.requestWrite() }
        // What was sent before the close frame may take as long as it takes, while it moves.
        if room < Self.largestTurn, closeDeadline != nil { startCloseDeadline(pipe.core) }
        return true
    }

    func pipeDidReceive(_ bytes: UnsafeMutableRawBufferPointer) -> Int? {
        // What comes after the connection was dropped, or after the peer's last frame, is nobody's.
        guard !reader.hasEnded, outcome == nil else { return bytes.count }
        networkBytesReceived.wrappingAdd(UInt64(bytes.count), ordering: .relaxed)
        unsafe reader.read(bytes, into: &turn)
        defer { turn.removeAll() }
        deliverMessages()
        if !turn.pings.isEmpty { answerPings() }
        for pong in turn.pongs { receivePong(pong) }
        switch turn.end {
        case .close(let frame):
            logger.debug("received a close frame", metadata: ["code": "\(frame.code?.rawValue ?? 1005)"])
            advance { $0.received(frame) }
        case .violation(let violation):
            advance { $0.violated(violation) }
        case nil: break
        }
        return bytes.count
    }

    func pipeDidEnd(_ end: TransportEnd, unused: [UInt8]) {
        transportError = Self.lossError(end, peer: peer)
        var machineEnd = ConnectionStateMachine.TransportEnd.failure
        if case .endOfStream = end.cause { machineEnd = .endOfStream }
        advance { $0.transportEnded(machineEnd) }
        if let closeDeadline { pipe?.core.cancel(closeDeadline) }
        pipe = nil
    }

    private func deliverMessages() {
        guard !turn.messages.isEmpty else { return }
        let byteCount = turn.messageByteCount
        let delivery = withInbound {
            $0.add(
                &turn.messages, byteCount: byteCount, limit: limits.receiveBuffer, mayPause: closeDeadline == nil)
        }
        delivery.reader?.resume(returning: delivery.batch)
        if delivery.pausesReading { pipe?.setReading(false) }
        if delivery.discarded > 0 {
            logOnce(
                .discardedMessages, .debug,
                "discarding messages that come after close() and that nobody reads", ["peer": "\(peer)"])
        }
    }

    private func answerPings() {
        var failure: (any Error)?
        let hasOutput = withOutbound { outbound in
            // After a close frame nothing more is sent (RFC 6455 section 5.5.1).
            guard outbound.queue.machine.allowsSending else { return false }
            for ping in turn.pings {
                do {
                    try outbound.queue.appendPong(ping)
                } catch {
                    failure = error
                }
            }
            return true
        }
        if let failure { logOnce(.unansweredPing, .error, "a ping could not be answered", ["error": "\(failure)"]) }
        if hasOutput { pipe?.requestWrite() }
    }

    /// A peer can make happen again and again what is worth one line.
    private func logOnce(
        _ line: LoggedOnce, _ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata
    ) {
        guard loggedOnce.insert(line).inserted else { return }
        logger.log(level: level, message, metadata: metadata)
    }

    private func receivePong(_ payload: ArraySlice<UInt8>) {
        let now = ContinuousClock.now
        for ping in withOutbound({ $0.pings.answered(by: payload) }) {
            ping.waiter.resume(returning: ping.sentAt.duration(to: now))
        }
    }

    /// Feeds an event to the state machine and carries out what it asks for.
    private func advance(_ event: (inout ConnectionStateMachine) -> ConnectionStateMachine.Action) {
        let action = withOutbound { outbound in
            let action = event(&outbound.queue.machine)
            do {
                try outbound.queue.enqueue(action)
            } catch {
                return outbound.queue.machine.abort()
            }
            return action
        }
        perform(action)
    }

    func perform(_ action: ConnectionStateMachine.Action) {
        switch action {
        case .ignore, .open: break
        case .sendClose, .sendCloseThenEnd, .endTransport, .waitForPeer:
            if let core = pipe?.core { service(core) }
        case .finish: return publishOutcome(discardingOutput: true)
        case .abort:
            pipe?.abort()
            return publishOutcome(discardingOutput: true)
        }
        publishOutcome(discardingOutput: false)
    }
}

internal import Logging
internal import Synchronization
internal import WebSocketProtocol

// Called on the loop's thread only.
extension Connection: PipeConsumer, LoopOutput {
    /// Something was added to the output, or the state has changed.
    func serviceOutput() {
        let (state, hasWork) = withOutbound { outbound in
            outbound.queue.isLoopTold = false
            return (outbound.queue.machine.state, !outbound.queue.isEmpty || outbound.queue.endsWhenEmpty)
        }
        // The peer's close frame may stand behind messages that nobody takes any more.
        if case .closing = state { mayPause = false }
        guard let pipe else { return readRemainingInput() }
        switch state {
        case .closing where closeDeadline == nil:
            startCloseDeadline(pipe)
            pipe.setReading(true)
        case .closed(let closure, _) where !isEndPublished: perform(.abort(closure))
        default: break
        }
        if hasWork || segment != nil { pipe.requestWrite() }
    }

    private func startCloseDeadline(_ pipe: any Pipe) {
        if let closeDeadline { pipe.cancel(closeDeadline) }
        let waiting = pipe.unacknowledgedByteCount
        closeDeadline = pipe.schedule(after: limits.closeTimeout) { [weak self, weak pipe] in
            guard let self else { return }
            // The system takes megabytes at once, and says nothing while the peer reads them.
            if let pipe, pipe.unacknowledgedByteCount < waiting, !isEndPublished { return startCloseDeadline(pipe) }
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
                if finished {
                    noteWritten()
                    return false
                }
            }
            guard let frames = segment?.frames else { break }
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: frames.bytes[segmentOffset...])
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: rest.prefix(Self.largestWrite))
            guard let count = unsafe pipe.write(UnsafeRawBufferPointer(piece)) else { break }
            networkBytesSent.wrappingAdd(UInt64(count), ordering: .relaxed)
            segmentOffset += count
            room -= count
            if segmentOffset == frames.count {
                segment = nil
                withOutbound { $0.queue.recycle(frames) }
            }
            if count < piece.count { break }
        }
        noteWritten()
        if segment != nil || room <= 0 { pipe.requestWrite() }
        // The deadline begins anew while messages from before the close frame still move. Not so once it is certain how the
        // connection ends: a peer that reads a little now and then would keep it for ever.
        if room < Self.largestTurn, closeDeadline != nil, !isEndPublished { startCloseDeadline(pipe) }
        return true
    }

    func pipeDidSend(_ count: Int) {
        sentByPipe &+= UInt64(count)
        if closeDeadline != nil, !isEndPublished, let pipe { startCloseDeadline(pipe) }
    }

    func pipeIsBlocked() {
        // A peer may have said how it ends before it was known to read nothing. Until it has, nothing is looked up: output that
        // fills the system's buffers comes here in every turn.
        if reader.hasEnded, !isEndPublished { publishEnd(discardingOutput: false) }
    }

    /// Output has gone out: senders that wait for room get it, and those who wait for the end of the connection are told of
    /// it once the close frame is out.
    private func noteWritten() {
        let (next, isLast) = withOutbound { outbound in
            (outbound.admit(), segment == nil && outbound.queue.isEmpty && !outbound.queue.allowsSending)
        }
        resume(next)
        guard isLast, let pipe else { return }
        guard pipe.flush() else { return pipe.requestWrite() }
        let mayReportEnd = withOutbound { outbound in
            outbound.queue.machine.closeFrameWritten()
            return outbound.queue.machine.mayReportEnd
        }
        guard mayReportEnd else { return }
        publishEnd(discardingOutput: false)
        // Those who take messages may have been left waiting for this alone.
        if isEndPublished { endMessages(with: ending?.error) }
    }

    func pipeDidReceive(_ bytes: UnsafeMutableRawBufferPointer) -> Int? {
        // Bytes that come after the connection was aborted, or after the peer's last frame, are ignored.
        guard !reader.hasEnded, !isEndPublished else { return bytes.count }
        if faults != nil, !mayReadNow() { return 0 }
        return unsafe read(bytes)
    }

    func pipeReads(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int? {
        // Asked before each read, so the cheapest answer comes first.
        guard reader.isInMessage, faults == nil, !isEndPublished, readBudget() > 0,
            let count = unsafe reader.readDirectly(atLeast: Self.leastDirectRead, into: &readResult, read)
        else {
            return nil
        }
        networkBytesReceived.wrappingAdd(UInt64(count), ordering: .relaxed)
        finishRead()
        return count
    }

    func pipeDidRead() {
        guard hasNewMessages else { return }
        hasNewMessages = false
        wakeWaiter()
    }

    /// Reads what the budgets of time and memory allow, and returns how much of `bytes` that was.
    func read(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        let budget = readBudget()
        guard budget > 0 else {
            pipe?.setReading(false)
            return 0
        }
        let used = unsafe reader.read(bytes, into: &readResult, budget: budget)
        networkBytesReceived.wrappingAdd(UInt64(used), ordering: .relaxed)
        finishRead()
        return used
    }

    private func readBudget() -> Int {
        let mayPause = mayPause
        return withInbound {
            $0.budget(limit: limits.receiveBuffer, most: Self.largestReadCost, mayPause: mayPause)
        }
    }

    /// Hands over what a read has brought.
    private func finishRead() {
        defer { readResult.removeAll() }
        enqueueMessages()
        if let controlFrames { showControlFrames(to: controlFrames) }
        if !readResult.pings.isEmpty, faults?.ignoresPings != true { answerPings() }
        if !readResult.pongs.isEmpty { receivePongs() }
        switch readResult.end {
        case .close(let frame):
            logger.debug("received a close frame", metadata: ["code": "\(frame.code?.rawValue ?? 1005)"])
            advance { $0.received(frame) }
        case .violation(let violation):
            advance { $0.violated(violation) }
        case nil: break
        }
    }

    private func enqueueMessages() {
        guard !readResult.messages.isEmpty else { return }
        let (byteCount, payloadMemory) = (readResult.messageByteCount, readResult.payloadMemory)
        let (messages, mayPause) = (readResult.takeMessages(), mayPause)
        faults?.received?(messages)
        let addition = withInbound {
            $0.add(
                messages, byteCount: byteCount, payloadMemory: payloadMemory, limit: limits.receiveBuffer,
                mayPause: mayPause)
        }
        hasNewMessages = true
        if addition.pausesReading { pipe?.setReading(false) }
        if addition.unseen > 0 {
            logOnce(
                .unseenMessages, .debug,
                "messages that come after close() and that nobody reads stay unseen", ["peer": "\(peer)"])
        }
    }

    private func answerPings() {
        var failure: (any Error)?
        let hasOutput = withOutbound { outbound in
            // After a close frame nothing more is sent (RFC 6455 section 5.5.1).
            guard outbound.queue.allowsSending else { return false }
            for ping in readResult.pings {
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

    private func receivePongs() {
        keepAliveAnswered()
        let now = ContinuousClock.now
        let answered = withOutbound { outbound in readResult.pongs.flatMap { outbound.pings.answered(by: $0) } }
        for ping in answered {
            ping.waiter.resume(returning: ping.sentAt.duration(to: now))
        }
    }

    /// Feeds an event to the state machine and carries out what it asks for.
    func advance(
        endingMessages: Bool = true, _ event: (inout ConnectionStateMachine) -> ConnectionStateMachine.Action
    ) {
        let action = withOutbound { outbound in
            let action = event(&outbound.queue.machine)
            do {
                try outbound.queue.enqueue(action)
            } catch {
                return outbound.queue.machine.abort()
            }
            return action
        }
        perform(action, endingMessages: endingMessages)
    }

    func perform(_ action: ConnectionStateMachine.Action, endingMessages: Bool = true) {
        switch action {
        case .ignore: break
        case .sendClose, .sendCloseThenEnd, .endPipe, .waitForPeer:
            if pipe != nil { serviceOutput() }
        case .finish: return publishEnd(discardingOutput: true, endingMessages: endingMessages)
        case .abort:
            pipe?.abort()
            return publishEnd(discardingOutput: true)
        }
        publishEnd(discardingOutput: false)
    }
}

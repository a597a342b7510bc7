internal import Synchronization
internal import WebSocketProtocol

// Called on the loop's thread only.
extension Connection {
    func startKeepAlive() {
        guard let keepAlive else { return }
        scheduleKeepAlive(after: keepAlive.interval)
    }

    private func scheduleKeepAlive(after delay: Duration) {
        keepAliveTimer = pipe?.schedule(after: delay) { [weak self] in self?.keepAliveTimePassed() }
    }

    func keepAliveAnswered() {
        guard let keepAlive, self.keepAlive?.answered() == true else { return }
        if let keepAliveTimer { pipe?.cancel(keepAliveTimer) }
        scheduleKeepAlive(after: keepAlive.interval)
    }

    func endKeepAlive() {
        if let keepAliveTimer { pipe?.cancel(keepAliveTimer) }
        keepAliveTimer = nil
        keepAlive = nil
    }

    private func keepAliveTimePassed() {
        keepAliveTimer = nil
        guard var keepAlive, let pipe, !isEndPublished else { return }
        let isPaused = withInbound { $0.isPaused } || !pipe.isReading
        let (isOpen, hasOutput) = withOutbound { ($0.queue.allowsSending, !$0.queue.isEmpty) }
        // The deadline for closing counts once a close frame is under way.
        guard isOpen else { return }
        let traffic = KeepAlive.Traffic(
            received: networkBytesReceived.load(ordering: .relaxed),
            sent: networkBytesSent.load(ordering: .relaxed) &+ sentByPipe)
        let action = keepAlive.timePassed(
            traffic, canBeHeard: !isPaused, isSending: hasOutput || segment != nil || pipe.hasUnsent)
        self.keepAlive = keepAlive
        switch action {
        case .wait: scheduleKeepAlive(after: keepAlive.interval)
        case .giveUp: loseDeadPeer(keepAlive)
        case .ask:
            do {
                // Nobody waits for its pong: anything that arrives counts.
                try withOutbound { outbound in
                    try outbound.queue.appendPing(PendingPings.payload(outbound.pings.makeNumber()))
                }
                scheduleKeepAlive(after: keepAlive.timeout)
                pipe.requestWrite()
            } catch {
                // Without a masking key no frame can be sent any more, and senders are told.
                abort()
            }
        }
    }

    private func loseDeadPeer(_ keepAlive: KeepAlive) {
        pipeError = WebSocketError(
            .timedOut, stage: .open,
            message: """
                the connection to \(peer) was given up: nothing came within \(keepAlive.timeout) (pingTimeout) of a ping
                """)
        pipe?.abort()
        perform(withOutbound { $0.queue.machine.pipeEnded(.failure) })
    }
}

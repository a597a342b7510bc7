internal import Synchronization
internal import WebSocketProtocol

/// Finds out, by pings, that a peer is gone although the connection looks open: TCP says so a quarter of an hour after
/// something was sent (tcp(7), `tcp_retries2`), and never while nothing is.
struct KeepAlive {
    /// The time from a sign of life until the peer is asked for the next.
    let interval: Duration
    /// The time that the peer may take to give it.
    let timeout: Duration

    /// The traffic of the network until the peer was asked.
    struct Traffic: Equatable {
        var received: UInt64
        var sent: UInt64
    }

    private var asked: Traffic?

    init(interval: Duration, timeout: Duration) {
        self.interval = interval
        self.timeout = timeout
    }

    /// The peer has answered: the next ping is due after the interval.
    ///
    /// - Returns: `true` when it was asked.
    mutating func answered() -> Bool { asked.take() != nil }

    enum Action: Equatable {
        /// Send a ping and come back after the timeout.
        case ask
        /// Come back after the interval.
        case wait
        /// Nothing came: the peer is gone.
        case giveUp
    }

    /// The time is over for which ``Action`` said to wait.
    ///
    /// - Parameters:
    ///   - canBeHeard: The connection is read: else an answer could not be seen.
    ///   - isSending: Output waits, and the ping perhaps behind it.
    mutating func timePassed(_ traffic: Traffic, canBeHeard: Bool, isSending: Bool) -> Action {
        guard let asked = self.asked.take() else {
            self.asked = traffic
            return .ask
        }
        // Anything that arrives is a sign of life. So is the system's taking of output that is under way: the peer's
        // acknowledgements empty its buffer.
        if traffic.received != asked.received || !canBeHeard || (isSending && traffic.sent != asked.sent) {
            return .wait
        }
        return .giveUp
    }
}

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
        guard var keepAlive, let pipe, !hasEnded else { return }
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

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

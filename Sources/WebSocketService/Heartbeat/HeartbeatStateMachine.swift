/// The heartbeat of one connection: when to send a beat and when the peer counts as dead.
///
/// Instants are durations since an arbitrary start, the service clock's. No event ever brings the next deadline
/// forward, so that a driver may sleep until the one it was told and ask again.
struct HeartbeatStateMachine: Sendable {
    enum Action: Hashable, Sendable {
        /// Nothing to do before that instant.
        case sleep(until: Duration)
        /// Send the beat of this number.
        case beat(Int)
        /// Abort the connection: so many beats in a row went unanswered.
        case dead(unanswered: Int)
        /// There is no heartbeat.
        case off
    }

    private let policy: HeartbeatPolicy
    private let interval: Duration
    private let timeout: Duration?
    private var nextBeat: Duration
    /// The time at which the oldest unanswered beat counts as missed.
    private var deadline: Duration?
    private var lastBeat: Duration?
    private var beats = 0
    private var unanswered = 0
    /// The time since which the connection is not read; `nil` while it is.
    private var pausedAt: Duration?
    private var bytesSeen: UInt64 = 0

    init(policy: HeartbeatPolicy, openedAt: Duration) {
        // A beat costs a frame: no configuration makes a busy loop of them.
        self.interval = max(policy.interval.bounded, .milliseconds(1))
        self.timeout = policy.timeout.map { max($0.bounded, .milliseconds(1)) }
        self.policy = policy
        self.nextBeat = policy.beatsOnOpen ? openedAt : openedAt + interval
    }

    /// Returns the next step.
    ///
    /// - Parameter bytesReceived: The connection's count: bytes of an unfinished message are traffic too.
    mutating func advance(now: Duration, bytesReceived: UInt64 = 0) -> Action {
        guard policy.beat != nil else { return .off }
        if bytesReceived > bytesSeen {
            bytesSeen = bytesReceived
            if policy.anyTrafficCounts { alive() }
        }
        if let deadline, now >= deadline {
            if pausedAt == nil {
                self.deadline = nil
                unanswered += 1
                if unanswered > policy.missesAllowed { return .dead(unanswered: unanswered) }
                nextBeat = now
            } else {
                // Unread, an answer may be waiting: no verdict until reading has gone on for as long again.
                self.deadline = timeout.map { now + $0 }
                pausedAt = now
            }
        }
        guard now >= nextBeat else { return .sleep(until: min(nextBeat, deadline ?? nextBeat)) }
        beats += 1
        lastBeat = now
        nextBeat = now + interval
        if deadline == nil { deadline = timeout.map { now + $0 } }
        return .beat(beats)
    }

    /// A beat was answered; which one does not matter for whether the peer lives.
    mutating func answered() {
        alive()
    }

    /// Messages arrived.
    ///
    /// - Parameter isAnswer: One of them answers a beat, as the policy's closure says.
    /// - Returns: The round trip, when one answers the last beat.
    mutating func received(isAnswer: Bool, now: Duration) -> Duration? {
        if policy.anyTrafficCounts { alive() }
        if policy.trafficPostpones { nextBeat = max(nextBeat, now + interval) }
        guard isAnswer else { return nil }
        alive()
        defer { lastBeat = nil }
        return lastBeat.map { now - $0 }
    }

    /// The connection is not read from now on, as what was read waits for handlers of the app's.
    mutating func readingPaused(now: Duration) {
        if pausedAt == nil { pausedAt = now }
    }

    /// The connection is read again. An answer has as much time left as when reading was paused.
    mutating func readingResumed(now: Duration) {
        guard let paused = pausedAt.take() else { return }
        deadline = deadline.map { $0 + (now - paused) }
    }

    private mutating func alive() {
        unanswered = 0
        deadline = nil
    }
}

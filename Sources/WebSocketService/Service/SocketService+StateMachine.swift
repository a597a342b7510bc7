extension SocketService {
    /// The life of a service: what each call and each event of a connection means in each state.
    ///
    /// Every attempt has a generation number. An event that carries another one than the current belongs to an attempt
    /// or a connection that was left behind, and changes nothing.
    struct StateMachine: Sendable {
        struct Attempt: Hashable, Sendable {
            let generation: UInt64
            /// The number of this attempt, from 1 for the first in a row.
            let number: Int
            /// The place, from 0, of the server in the list of those that stand in for each other.
            let endpoint: Int
        }

        /// A failure about which the policy is yet to decide. Its closures are the app's, so that happens outside of the
        /// service's lock.
        struct Deliberation: Sendable {
            let attempt: Attempt
            /// The time for which the connection was open; `nil` when an attempt failed.
            let openFor: Duration?
            var wasOpen: Bool { openFor != nil }
            fileprivate let failure: ConnectionFailure
            fileprivate let uptime: Duration?
            fileprivate var backoff: Backoff

            /// The number of failures in a row.
            var failures: Int { backoff.failures }
            /// The policy takes the failure for a final one.
            var isFinal: Bool { backoff.policy.isFinal(failure) }

            mutating func decide(using generator: inout some RandomNumberGenerator) -> ReconnectPolicy.Decision {
                backoff.failed(failure, uptime: uptime, using: &generator)
            }
        }

        enum FailureAction: Hashable, Sendable {
            case wait(Duration, until: Duration)
            case giveUp(attempts: Int)
            /// Something else was asked for meanwhile.
            case ignore
        }

        enum LeaveAction: Hashable, Sendable {
            /// Perform the close handshake, then call ``closingFinished()``.
            case closeConnection
            /// There is nothing to close; the attempt or the wait under way is to be cancelled.
            case abandon
            case nothing
        }

        private enum Phase: Sendable {
            case idle
            case connecting(Attempt)
            case open(Attempt, since: Duration)
            /// The policy decides about a failure.
            case deciding(Attempt)
            case reconnecting(Attempt)
            case closing(afterwards: AfterClosing)
            case gaveUp
            case stopped
        }

        private enum AfterClosing {
            case idle
            case connect
            case stopped
        }

        private var phase = Phase.idle
        private var generation: UInt64 = 0
        private var backoff: Backoff
        /// With the failure that the policy decides about, for those who do not wait for that.
        private var countedBackoff: Backoff?

        init(policy: ReconnectPolicy, endpointCount: Int) {
            backoff = Backoff(policy: policy, endpointCount: endpointCount)
        }

        var state: State {
            switch phase {
            case .idle: .idle
            case .connecting: .connecting
            case .open: .open
            case .deciding, .reconnecting: .reconnecting
            case .closing: .closing
            case .gaveUp, .stopped: .closed
            }
        }

        /// The number of failures in a row.
        var failures: Int { backoff.failures }

        /// Nothing will be sent any more.
        var isFinished: Bool {
            switch phase {
            case .gaveUp, .stopped, .closing(afterwards: .stopped): true
            case .idle, .connecting, .open, .deciding, .reconnecting, .closing: false
            }
        }

        /// ``stop()`` was called.
        var isStopped: Bool {
            switch phase {
            case .stopped, .closing(afterwards: .stopped): true
            case .idle, .connecting, .open, .deciding, .reconnecting, .closing, .gaveUp: false
            }
        }

        /// Nothing will be sent before ``start()``.
        var isPaused: Bool {
            switch phase {
            case .idle, .closing(afterwards: .idle): true
            case .connecting, .open, .deciding, .reconnecting, .closing, .gaveUp, .stopped: false
            }
        }

        func isCurrent(_ generation: UInt64) -> Bool {
            switch phase {
            case .connecting(let attempt), .open(let attempt, _), .deciding(let attempt), .reconnecting(let attempt):
                attempt.generation == generation
            case .idle, .closing, .gaveUp, .stopped:
                false
            }
        }

        // MARK: Events of the connection

        /// - Returns: `true` when the connection is the service's from now on; if not, it is to be aborted.
        mutating func opened(_ generation: UInt64, now: Duration) -> Bool {
            guard case .connecting(let attempt) = phase, attempt.generation == generation else { return false }
            phase = .open(attempt, since: now)
            return true
        }

        /// - Returns: The matter for the policy to decide; `nil` when the failure is that of an older attempt.
        mutating func failing(
            _ generation: UInt64, _ failure: ConnectionFailure, now: Duration
        ) -> Deliberation? {
            let attempt: Attempt
            var uptime: Duration?
            var openFor: Duration?
            switch phase {
            case .connecting(let current) where current.generation == generation:
                attempt = current
            case .open(let current, let since) where current.generation == generation:
                attempt = current
                openFor = now - since
                // A connection whose `onOpen` threw was of no use, however long that took.
                if case .onOpenFailed = failure {} else { uptime = now - since }
            default:
                return nil
            }
            phase = .deciding(attempt)
            countedBackoff = backoff
            _ = countedBackoff?.count(failure, uptime: uptime)
            return Deliberation(attempt: attempt, openFor: openFor, failure: failure, uptime: uptime, backoff: backoff)
        }

        mutating func decided(
            _ deliberation: Deliberation, _ decision: ReconnectPolicy.Decision, now: Duration
        ) -> FailureAction {
            guard case .deciding(let attempt) = phase, attempt == deliberation.attempt else { return .ignore }
            backoff = deliberation.backoff
            switch decision {
            case .retry(let delay):
                phase = .reconnecting(attempt)
                return .wait(delay, until: now + delay)
            case .giveUp:
                phase = .gaveUp
                return .giveUp(attempts: backoff.failures)
            }
        }

        mutating func waitEnded(_ generation: UInt64) -> Attempt? {
            guard case .reconnecting(let attempt) = phase, attempt.generation == generation else { return nil }
            return connect()
        }

        mutating func closingFinished() -> Attempt? {
            guard case .closing(let afterwards) = phase else { return nil }
            switch afterwards {
            case .idle:
                phase = .idle
                return nil
            case .stopped:
                phase = .stopped
                return nil
            case .connect:
                return connect()
            }
        }

        // MARK: Calls

        /// Begins from ``State/idle``, and anew after giving up. Does nothing while the service is running.
        mutating func start() -> Attempt? {
            switch phase {
            case .idle, .gaveUp:
                backoff.reset()
                return connect()
            case .closing(afterwards: .idle):
                phase = .closing(afterwards: .connect)
                return nil
            case .closing, .connecting, .open, .deciding, .reconnecting, .stopped:
                return nil
            }
        }

        /// Skips the wait before the next attempt, also one that would never come.
        ///
        /// - Parameter isHeldUp: The attempt under way waits for a closure of the app's, which may hang.
        mutating func reconnectNow(isHeldUp: Bool = false) -> Attempt? {
            switch phase {
            case .connecting where isHeldUp: return connect()
            case .deciding:
                backoff = countedBackoff ?? backoff
                return connect()
            case .reconnecting: return connect()
            case .gaveUp: return start()
            case .idle, .connecting, .open, .closing, .stopped: return nil
            }
        }

        mutating func pause() -> LeaveAction {
            leave(for: .idle)
        }

        mutating func stop() -> LeaveAction {
            leave(for: .stopped)
        }

        private mutating func leave(for destination: AfterClosing) -> LeaveAction {
            switch phase {
            case .open:
                phase = .closing(afterwards: destination)
                return .closeConnection
            case .closing(afterwards: .stopped):
                return .nothing
            case .closing:
                phase = .closing(afterwards: destination)
                return .nothing
            case .connecting, .deciding, .reconnecting:
                phase = destination == .stopped ? .stopped : .idle
                return .abandon
            case .idle, .gaveUp:
                if destination == .stopped { phase = .stopped }
                return .nothing
            case .stopped:
                return .nothing
            }
        }

        private mutating func connect() -> Attempt {
            generation += 1
            let attempt = Attempt(
                generation: generation, number: backoff.failures + 1, endpoint: backoff.endpoints.position)
            phase = .connecting(attempt)
            return attempt
        }
    }
}

/// The rule by which a service tries again after a failed attempt or a lost connection, and by which it gives up.
///
/// A policy is a value. It makes its decision from a failure, the number of failures in a row before it, the previous delay
/// and a random number generator, and keeps nothing.
///
/// Every number is taken as it is meant: delays below zero are none and those beyond a century are a century, and negative
/// counts are 0.
public struct ReconnectPolicy: Sendable {
    /// The next step after a failure.
    public enum Decision: Hashable, Sendable {
        /// Try again after this delay.
        case retry(after: Duration)
        /// Try no more.
        case giveUp
    }

    /// Everything a decision may depend on.
    public struct Context: Sendable {
        /// The failure to decide on.
        public let failure: ConnectionFailure
        /// The number of failures in a row before this one: 0 for the first.
        public let failuresBefore: Int
        /// The delay before the attempt that failed; `nil` when it was made at once.
        public let previousDelay: Duration?
        /// The number of other servers that are left to try, of those given to
        /// ``SocketService/init(urls:headers:transport:reconnect:heartbeat:queue:options:)``. A server counts as
        /// long as it has not failed finally since a connection was last up for ``ReconnectPolicy/stableAfter``, or since a
        /// failure was not final.
        public let otherEndpoints: Int

        /// Makes a context: for tests and simulations of a policy. Negative counts are 0.
        public init(
            failure: ConnectionFailure, failuresBefore: Int, previousDelay: Duration? = nil, otherEndpoints: Int = 0
        ) {
            self.failure = failure
            self.failuresBefore = max(failuresBefore, 0)
            self.previousDelay = previousDelay
            self.otherEndpoints = max(otherEndpoints, 0)
        }
    }

    /// The waits before the attempts.
    public var schedule: ReconnectSchedule
    /// The number of attempts in a row that may fail after the first before the service gives up; `nil` for no limit. 0 or
    /// less gives up after the first.
    public var maximumRetries: Int?
    /// Tries again even after failures that are final as a rule (``ConnectionFailure/isFinal``), such as a 401, a 404 or
    /// the close code 1008: for a service that nobody would start again. It still gives up where no time can help
    /// (``ConnectionFailure/isBeyondTime``): a certificate that fails verification stays refused. The default is `false`.
    public var isPersistent: Bool
    /// The time that a connection must stay up for earlier failures to be forgotten. Zero or less forgets them as soon as a
    /// connection is open.
    public var stableAfter: Duration
    /// The longest wait that a server may ask for with `Retry-After`: it is the peer's number, so it has a bound.
    public var maximumRetryAfter: Duration
    /// Overrules any decision, a final failure's and the attempt limit's included. Called after each failure, in a task of
    /// the service's and under no lock, with the decision of the rest of the policy.
    public var overrule: (@Sendable (Context, Decision) -> Decision)?

    /// Makes a policy.
    ///
    /// - Parameters:
    ///   - schedule: The waits before the attempts.
    ///   - maximumRetries: The number of attempts in a row that may fail after the first. The default is no limit.
    ///   - isPersistent: Tries again even after failures that are final as a rule.
    ///   - stableAfter: The time that a connection must have stayed up for the count to start anew. The default is 10 s.
    ///   - maximumRetryAfter: The longest wait that a server's `Retry-After` can cause. The default is an hour.
    ///   - overrule: Has the last word on each decision; see ``overrule``.
    public init(
        schedule: ReconnectSchedule,
        maximumRetries: Int? = nil,
        isPersistent: Bool = false,
        stableAfter: Duration = .seconds(10),
        maximumRetryAfter: Duration = .seconds(3600),
        overrule: (@Sendable (Context, Decision) -> Decision)? = nil
    ) {
        self.schedule = schedule
        self.maximumRetries = maximumRetries
        self.isPersistent = isPersistent
        self.stableAfter = stableAfter
        self.maximumRetryAfter = maximumRetryAfter
        self.overrule = overrule
    }

    /// Decides what happens after a failure.
    ///
    /// The delay is the schedule's. A `Retry-After` that the server sent with a 429 or 503 is added, so that clients that
    /// were all told the same second do not come back in the same instant.
    public func decision(
        _ context: Context, using generator: inout some RandomNumberGenerator
    ) -> Decision {
        let decision = unruledDecision(context, using: &generator)
        return overrule?(context, decision) ?? decision
    }

    /// Tells whether the failure ends a service that has no other server to try.
    func isFinal(_ failure: ConnectionFailure) -> Bool {
        isPersistent ? failure.isBeyondTime : failure.isFinal
    }

    private func unruledDecision(
        _ context: Context, using generator: inout some RandomNumberGenerator
    ) -> Decision {
        if isFinal(context.failure), context.otherEndpoints == 0 { return .giveUp }
        if let maximumRetries, context.failuresBefore >= maximumRetries { return .giveUp }
        guard let delay = schedule.delay(context, using: &generator) else { return .giveUp }
        let asked = min((context.failure.retryAfter ?? .zero).bounded, maximumRetryAfter.bounded)
        return .retry(after: asked.addingWithinBounds(delay))
    }
}

extension ReconnectPolicy {
    /// Exponential backoff. The defaults are those of `SocketService`: full jitter, 0.5 s, doubled up to 30 s, for ever.
    public static func exponential(
        initial: Duration = .milliseconds(500),
        multiplier: Double = 2,
        maximum: Duration = .seconds(30),
        jitter: ReconnectSchedule.Jitter = .full,
        maximumRetries: Int? = nil
    ) -> ReconnectPolicy {
        ReconnectPolicy(
            schedule: .exponential(initial: initial, multiplier: multiplier, maximum: maximum, jitter: jitter),
            maximumRetries: maximumRetries)
    }

    /// Exponential backoff with the same defaults that does not give up where another attempt may ever succeed; see
    /// ``isPersistent``.
    public static let persistent = ReconnectPolicy(schedule: ReconnectPolicy.exponential().schedule, isPersistent: true)

    /// Delays that grow by a step with each failure in a row: n steps after the n-th. There are 10 retries at most, unless told
    /// otherwise.
    public static func linear(step: Duration = .seconds(1), maximumRetries: Int? = 10) -> ReconnectPolicy {
        ReconnectPolicy(schedule: .linear(step: step), maximumRetries: maximumRetries)
    }

    /// The same delay each time.
    public static func fixed(_ delay: Duration, maximumRetries: Int? = nil) -> ReconnectPolicy {
        ReconnectPolicy(schedule: .fixed(delay), maximumRetries: maximumRetries)
    }

    /// Gives up after the first failure.
    public static let never = ReconnectPolicy(schedule: .custom { _ in nil })

    /// A decision by the app alone, in a closure that is called after each failure: `nil` gives up. Final failures,
    /// `Retry-After` and the attempt limit are left to it.
    public static func custom(_ delay: @escaping @Sendable (Context) -> Duration?) -> ReconnectPolicy {
        ReconnectPolicy(
            schedule: .fixed(.zero),
            overrule: { context, _ in delay(context).map { .retry(after: $0) } ?? .giveUp })
    }
}

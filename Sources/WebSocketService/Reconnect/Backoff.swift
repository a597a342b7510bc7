/// What a service remembers between attempts: the failures in a row and the delay before the last attempt.
struct Backoff: Sendable {
    let policy: ReconnectPolicy
    private(set) var failures = 0
    private(set) var previousDelay: Duration?

    init(policy: ReconnectPolicy) {
        self.policy = policy
    }

    /// Counts a failure and decides what follows it.
    ///
    /// - Parameter uptime: How long the connection had been open; `nil` when the attempt did not get that far.
    mutating func failed(
        _ failure: ConnectionFailure, uptime: Duration?, using generator: inout some RandomNumberGenerator
    ) -> ReconnectPolicy.Decision {
        if let uptime, uptime >= policy.stableAfter { reset() }
        let context = ReconnectPolicy.Context(
            failure: failure, failuresBefore: failures, previousDelay: previousDelay)
        failures += 1
        let decision = policy.decision(context, using: &generator)
        guard case .retry(let delay) = decision else { return decision }
        // A closure of the app's may answer with a negative delay.
        let wait = max(delay, .zero)
        previousDelay = wait
        return .retry(after: wait)
    }

    mutating func reset() {
        failures = 0
        previousDelay = nil
    }
}

/// The memory of a service between attempts: the failures in a row, the delay before the last attempt and which server
/// comes next.
struct Backoff: Sendable {
    let policy: ReconnectPolicy
    private(set) var failures = 0
    private(set) var previousDelay: Duration?
    private(set) var endpoints: EndpointRotation

    /// - Parameter endpointCount: The number of servers that stand in for each other.
    init(policy: ReconnectPolicy, endpointCount: Int) {
        self.policy = policy
        endpoints = EndpointRotation(count: endpointCount)
    }

    /// Counts a failure and decides what follows it.
    ///
    /// - Parameter uptime: The time for which the connection had been open; `nil` when the attempt did not get that far.
    mutating func failed(
        _ failure: ConnectionFailure, uptime: Duration?, using generator: inout some RandomNumberGenerator
    ) -> ReconnectPolicy.Decision {
        let otherEndpoints = count(failure, uptime: uptime)
        let context = ReconnectPolicy.Context(
            failure: failure, failuresBefore: failures - 1, previousDelay: previousDelay,
            otherEndpoints: otherEndpoints)
        let decision = policy.decision(context, using: &generator)
        guard case .retry(let delay) = decision else { return decision }
        // A closure of the app's may answer with any delay.
        let wait = delay.bounded
        previousDelay = wait
        return .retry(after: wait)
    }

    /// Counts a failure, and moves on to another server if need be.
    ///
    /// - Returns: The number of other servers that are left to try.
    mutating func count(_ failure: ConnectionFailure, uptime: Duration?) -> Int {
        let wasStable = uptime.map { $0 >= policy.stableAfter } ?? false
        if wasStable { reset() }
        failures += 1
        return endpoints.failed(isFinal: policy.isFinal(failure), wasStable: wasStable)
    }

    mutating func reset() {
        failures = 0
        previousDelay = nil
        endpoints.beginRound()
    }
}

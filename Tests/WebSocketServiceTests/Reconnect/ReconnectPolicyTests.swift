import HTTPTypes
import Testing

@testable import WebSocketService

@Suite struct ReconnectPolicyTests {
    private func decide(
        _ policy: ReconnectPolicy, _ failure: ConnectionFailure = .refusedTCP, failuresBefore: Int = 0
    ) -> ReconnectPolicy.Decision {
        var generator = ConstantGenerator.highest
        return policy.decision(.init(failure: failure, failuresBefore: failuresBefore), using: &generator)
    }

    @Test func defaultsAreTheDocumentedOnes() {
        let policy = ReconnectPolicy.exponential()
        #expect(policy.maximumAttempts == nil)
        #expect(policy.stableAfter == .seconds(10))
        #expect(decide(policy) == .retry(after: .milliseconds(500)))
        #expect(decide(policy, failuresBefore: 3) == .retry(after: .seconds(4)))
        #expect(decide(policy, failuresBefore: 10_000) == .retry(after: .seconds(30)))
    }

    @Test func linearGivesUpAfterTenAttempts() {
        #expect(decide(.linear(), failuresBefore: 9) == .retry(after: .seconds(10)))
        #expect(decide(.linear(), failuresBefore: 10) == .giveUp)
    }

    @Test(arguments: [(0, 0, false), (1, 0, true), (1, 1, false), (3, 2, true), (3, 3, false)])
    func attemptLimit(maximum: Int, failuresBefore: Int, retries: Bool) {
        let decision = decide(.fixed(.zero, maximumAttempts: maximum), failuresBefore: failuresBefore)
        #expect(decision == (retries ? .retry(after: .zero) : .giveUp))
    }

    @Test func neverGivesUpAtOnce() {
        #expect(decide(.never) == .giveUp)
    }

    @Test(arguments: [
        (429, 7, 7), (503, 7, 7), (503, 0, 0), (503, -5, 0), (503, 100_000, 3600), (500, 7, 0), (408, 7, 0),
    ])
    func retryAfterIsAddedToTheDelay(status: Int, asked: Int, honoured: Int) {
        let failure = ConnectionFailure.refused(.init(code: status), retryAfter: .seconds(asked))
        #expect(decide(.fixed(.seconds(2)), failure) == .retry(after: .seconds(2 + honoured)))
    }

    @Test func overruleHasTheLastWord() {
        var policy = ReconnectPolicy.fixed(.seconds(1), maximumAttempts: 0)
        policy.overrule = { context, decision in
            // Everything the rest of the policy decided is there to be used.
            decision == .giveUp && context.failuresBefore == 0 ? .retry(after: .seconds(9)) : decision
        }
        #expect(decide(policy) == .retry(after: .seconds(9)))
        #expect(decide(policy, .tls(.expired)) == .retry(after: .seconds(9)))
        #expect(decide(policy, failuresBefore: 1) == .giveUp)
    }

    @Test func customReplacesEveryRule() {
        let policy = ReconnectPolicy.custom { $0.failuresBefore < 1 ? .seconds(5) : nil }
        #expect(decide(policy, .tls(.expired)) == .retry(after: .seconds(5)))
        #expect(decide(policy, failuresBefore: 1) == .giveUp)
    }
}

@Suite struct BackoffTests {
    private var generator = ConstantGenerator.highest

    @Test mutating func failuresInARowGrowTheDelay() {
        var backoff = Backoff(policy: .exponential())
        let delays = (0..<3).map { _ in backoff.failed(.refusedTCP, uptime: nil, using: &generator) }
        #expect(delays == [.milliseconds(500), .seconds(1), .seconds(2)].map { .retry(after: $0) })
        #expect(backoff.failures == 3)
    }

    @Test(arguments: [(Duration.milliseconds(9_999), 4), (.seconds(10), 1), (.seconds(3600), 1)])
    mutating func aStableConnectionResetsTheCount(uptime: Duration, failures: Int) {
        var backoff = Backoff(policy: .exponential())
        for _ in 0..<3 { _ = backoff.failed(.refusedTCP, uptime: nil, using: &generator) }
        let decision = backoff.failed(.closedByPeer(1001), uptime: uptime, using: &generator)
        #expect(backoff.failures == failures)
        #expect(decision == .retry(after: failures == 1 ? .milliseconds(500) : .seconds(4)))
    }

    @Test mutating func decorrelatedDelaysBuildOnThePreviousOne() {
        var backoff = Backoff(policy: .exponential(jitter: .decorrelated))
        let delays = (0..<3).map { _ in backoff.failed(.refusedTCP, uptime: nil, using: &generator) }
        #expect(delays == [.milliseconds(1500), .milliseconds(4500), .milliseconds(13500)].map { .retry(after: $0) })
    }

    @Test mutating func aNegativeDelayOfTheAppIsNone() {
        var backoff = Backoff(policy: .custom { _ in .seconds(-3) })
        #expect(backoff.failed(.refusedTCP, uptime: nil, using: &generator) == .retry(after: .zero))
    }
}

import HTTPTypes
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite struct ReconnectPolicyTests {
    private func decide(
        _ policy: ReconnectPolicy, _ failure: ConnectionFailure = .refusedTCP, failuresBefore: Int = 0
    ) -> ReconnectPolicy.Decision {
        var generator = ConstantGenerator.highest
        return policy.decision(.init(failure: failure, failuresBefore: failuresBefore), using: &generator)
    }

    @Test("The default policy tries again for ever, with delays that double up to 30 s")
    func defaultsAreTheDocumentedOnes() {
        let policy = ReconnectPolicy.exponential()
        #expect(policy.maximumRetries == nil)
        #expect(policy.stableAfter == .seconds(10))
        #expect(decide(policy) == .retry(after: .milliseconds(500)))
        #expect(decide(policy, failuresBefore: 3) == .retry(after: .seconds(4)))
        #expect(decide(policy, failuresBefore: 10_000) == .retry(after: .seconds(30)))
    }

    @Test("The linear policy gives up after ten retries") func linearGivesUpAfterTenAttempts() {
        #expect(decide(.linear(), failuresBefore: 9) == .retry(after: .seconds(10)))
        #expect(decide(.linear(), failuresBefore: 10) == .giveUp)
    }

    @Test(
        "A policy retries as often as its maximum says",
        arguments: [(0, 0, false), (1, 0, true), (1, 1, false), (3, 2, true), (3, 3, false)])
    func attemptLimit(maximum: Int, failuresBefore: Int, retries: Bool) {
        let decision = decide(.fixed(.zero, maximumRetries: maximum), failuresBefore: failuresBefore)
        #expect(decision == (retries ? .retry(after: .zero) : .giveUp))
    }

    @Test("The policy `never` gives up at once") func neverGivesUpAtOnce() {
        #expect(decide(.never) == .giveUp)
    }

    @Test(
        "Retry-After is added to the delay for 429 and 503, up to an hour",
        arguments: [
            (429, 7, 7), (503, 7, 7), (503, 0, 0), (503, -5, 0), (503, 100_000, 3600), (500, 7, 0), (408, 7, 0),
        ])
    func retryAfterIsAddedToTheDelay(status: Int, asked: Int, honoured: Int) {
        let failure = ConnectionFailure.refused(.init(code: status), retryAfter: .seconds(asked))
        #expect(decide(.fixed(.seconds(2)), failure) == .retry(after: .seconds(2 + honoured)))
    }

    @Test("The app's overruling closure has the last word") func overruleHasTheLastWord() {
        var policy = ReconnectPolicy.fixed(.seconds(1), maximumRetries: 0)
        policy.overrule = { context, decision in
            // Everything the rest of the policy decided is there to be used.
            decision == .giveUp && context.failuresBefore == 0 ? .retry(after: .seconds(9)) : decision
        }
        #expect(decide(policy) == .retry(after: .seconds(9)))
        #expect(decide(policy, .tls(.expired)) == .retry(after: .seconds(9)))
        #expect(decide(policy, failuresBefore: 1) == .giveUp)
    }

    @Test("A persistent policy gives up where no time can help, and nowhere else")
    func persistent() {
        let passing: [ConnectionFailure] = [
            .refused(.init(code: 401)), .refused(.notFound), .closedByPeer(1008), .gaveUpWith(.messageTooBig),
            .error(.protocolViolation), .refusedTCP, .heartbeatTimeout(unanswered: 3),
        ]
        for failure in passing {
            #expect(!failure.isBeyondTime)
            #expect(decide(.persistent, failure, failuresBefore: 10_000) == .retry(after: .seconds(30)))
        }
        let lasting: [ConnectionFailure] = [
            .tls(.untrustedRoot), .tls(.clientCertificateRequired), .error(.invalidConfiguration),
            .error(.libraryUnsuitable), .error(.loopShutDown),
        ]
        for failure in lasting {
            #expect(failure.isBeyondTime)
            #expect(decide(.persistent, failure) == .giveUp)
        }
        #expect(!ConnectionFailure.tls(.alert).isBeyondTime)
        var limited = ReconnectPolicy.persistent
        limited.maximumRetries = 2
        #expect(decide(limited, .refused(.notFound), failuresBefore: 1) != .giveUp)
        #expect(decide(limited, .refused(.notFound), failuresBefore: 2) == .giveUp)
    }

    @Test("A final failure moves on while other servers are left") func aFinalFailureMovesOnWhileOtherServersAreLeft() {
        var generator = ConstantGenerator.highest
        var overruled = ReconnectPolicy.fixed(.seconds(1))
        overruled.overrule = { context, decision in context.failure.isFinal ? .giveUp : decision }
        let policies: [(ReconnectPolicy, [ReconnectPolicy.Decision])] = [
            (.fixed(.seconds(1)), [.giveUp, .retry(after: .seconds(1)), .retry(after: .seconds(1))]),
            (.fixed(.seconds(1), maximumRetries: 0), [.giveUp, .giveUp, .giveUp]),
            (.never, [.giveUp, .giveUp, .giveUp]),
            (overruled, [.giveUp, .giveUp, .giveUp]),
        ]
        for (policy, expected) in policies {
            let decisions = (0...2).map {
                policy.decision(
                    .init(failure: .refused(.notFound), failuresBefore: 0, otherEndpoints: $0), using: &generator)
            }
            #expect(decisions == expected)
        }
    }

    @Test("A custom policy replaces every rule") func customReplacesEveryRule() {
        let policy = ReconnectPolicy.custom { $0.failuresBefore < 1 ? .seconds(5) : nil }
        #expect(decide(policy, .tls(.expired)) == .retry(after: .seconds(5)))
        #expect(decide(policy, failuresBefore: 1) == .giveUp)
    }
}

@Suite struct EndpointRotationTests {
    /// One failure of the current server.
    enum Event: String, Sendable {
        case final, transient, stableFinal, stableTransient, newBeginning
    }

    @Test(
        "A failure is final only when every server failed finally in one round",
        arguments: [
            (1, [.final], [(0, 0)]),
            (1, [.transient, .stableTransient], [(0, 0), (0, 0)]),
            (2, [.final, .final], [(1, 1), (0, 0)]),
            (3, [.final, .final, .final], [(1, 2), (2, 1), (0, 0)]),
            // One that may come back keeps the others waiting for their next try.
            (2, [.final, .transient, .final, .transient], [(1, 1), (0, 1), (1, 1), (0, 1)]),
            (3, [.transient, .final, .final, .final], [(1, 2), (2, 2), (0, 1), (1, 0)]),
            // A connection that stayed ends the round, and its loss is no reason to leave that server.
            (2, [.final, .stableTransient, .final, .final], [(1, 1), (1, 1), (0, 1), (1, 0)]),
            (2, [.final, .stableFinal, .final], [(1, 1), (0, 1), (1, 0)]),
            (2, [.final, .newBeginning, .final, .final], [(1, 1), (1, 1), (0, 1), (1, 0)]),
            // A policy that goes on all the same begins no new round by itself.
            (2, [.final, .final, .final, .transient], [(1, 1), (0, 0), (1, 0), (0, 1)]),
            (0, [.final], [(0, 0)]),
            (-3, [.transient], [(0, 0)]),
        ] as [(Int, [Event], [(position: Int, others: Int)])])
    func rounds(count: Int, events: [Event], expected: [(position: Int, others: Int)]) {
        var rotation = EndpointRotation(count: count)
        var others = count
        for (event, expected) in zip(events, expected) {
            switch event {
            case .final: others = rotation.failed(isFinal: true, wasStable: false)
            case .transient: others = rotation.failed(isFinal: false, wasStable: false)
            case .stableFinal: others = rotation.failed(isFinal: true, wasStable: true)
            case .stableTransient: others = rotation.failed(isFinal: false, wasStable: true)
            case .newBeginning: rotation.beginRound()
            }
            #expect(rotation.position == expected.position, "after \(event)")
            #expect(others == expected.others, "after \(event)")
        }
    }
}

@Suite(.timeLimit(.minutes(10))) struct BackoffTests {
    private var generator = ConstantGenerator.highest

    @Test("Failures in a row grow the delay") mutating func failuresInARowGrowTheDelay() {
        var backoff = Backoff(policy: .exponential(), endpointCount: 1)
        let delays = (0..<3).map { _ in backoff.failed(.refusedTCP, uptime: nil, using: &generator) }
        #expect(delays == [.milliseconds(500), .seconds(1), .seconds(2)].map { .retry(after: $0) })
        #expect(backoff.failures == 3)
    }

    @Test(
        "A stable connection resets the count of failures",
        arguments: [(Duration.milliseconds(9_999), 4), (.seconds(10), 1), (.seconds(3600), 1)])
    mutating func aStableConnectionResetsTheCount(uptime: Duration, failures: Int) {
        var backoff = Backoff(policy: .exponential(), endpointCount: 1)
        for _ in 0..<3 { _ = backoff.failed(.refusedTCP, uptime: nil, using: &generator) }
        let decision = backoff.failed(.closedByPeer(1001), uptime: uptime, using: &generator)
        #expect(backoff.failures == failures)
        #expect(decision == .retry(after: failures == 1 ? .milliseconds(500) : .seconds(4)))
    }

    @Test("Decorrelated delays build on the previous one") mutating func decorrelatedDelaysBuildOnThePreviousOne() {
        var backoff = Backoff(policy: .exponential(jitter: .decorrelated), endpointCount: 1)
        let delays = (0..<3).map { _ in backoff.failed(.refusedTCP, uptime: nil, using: &generator) }
        #expect(delays == [.milliseconds(1500), .milliseconds(4500), .milliseconds(13500)].map { .retry(after: $0) })
    }

    @Test("After a stable connection decorrelated delays begin anew") mutating func decorrelatedDelaysBeginAnew() {
        var backoff = Backoff(policy: .exponential(jitter: .decorrelated), endpointCount: 1)
        for _ in 0..<3 { _ = backoff.failed(.refusedTCP, uptime: nil, using: &generator) }
        let afterwards = backoff.failed(.closedByPeer(1001), uptime: .seconds(10), using: &generator)
        #expect(afterwards == .retry(after: .milliseconds(1500)))
    }

    @Test("Every server has its try before a final failure is final")
    mutating func everyServerHasItsTryBeforeAFinalFailureIsFinal() {
        var backoff = Backoff(policy: .fixed(.seconds(1)), endpointCount: 3)
        let failures: [ConnectionFailure] = [.refused(.notFound), .tls(.expired), .refused(.forbidden)]
        let decisions = failures.map { backoff.failed($0, uptime: nil, using: &generator) }
        #expect(decisions == [.retry(after: .seconds(1)), .retry(after: .seconds(1)), .giveUp])
        backoff.reset()
        #expect(backoff.failed(.tls(.expired), uptime: nil, using: &generator) == .retry(after: .seconds(1)))
    }

    @Test("A negative delay of the app is none") mutating func aNegativeDelayOfTheAppIsNone() {
        var backoff = Backoff(policy: .custom { _ in .seconds(-3) }, endpointCount: 1)
        #expect(backoff.failed(.refusedTCP, uptime: nil, using: &generator) == .retry(after: .zero))
    }

    @Test("A lost connection is made again three times at the most, where the policy says so")
    func reconnectThreeTimes() async throws {
        let fixture = Fixture(
            [.open()], afterwards: .connectionRefused, reconnect: .fixed(.seconds(1), maximumRetries: 3))
        try await fixture.open().abort()
        for attempt in 2...4 {
            try await fixture.events.next { $0 == "waiting \(Duration.seconds(1)) for \(attempt)" }
            fixture.clock.advance(by: .seconds(1))
        }
        #expect(
            try await fixture.events.next { $0.hasPrefix("gave up") || $0.hasPrefix("waiting") } == "gave up after 4")
        #expect(fixture.transport.requests.count == 4)
        await fixture.service.stop()
    }
}

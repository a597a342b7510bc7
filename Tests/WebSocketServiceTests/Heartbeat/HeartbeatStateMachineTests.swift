import Testing

@testable import WebSocketService

@Suite struct HeartbeatStateMachineTests {
    private typealias Action = HeartbeatStateMachine.Action

    private func machine(_ policy: HeartbeatPolicy, openedAt: Duration = .zero) -> HeartbeatStateMachine {
        HeartbeatStateMachine(policy: policy, openedAt: openedAt)
    }

    private func seconds(_ seconds: Double) -> Duration { .seconds(seconds) }

    @Test("The defaults are the documented ones") func defaultsAreTheDocumentedOnes() {
        let policy = HeartbeatPolicy.ping()
        #expect(policy.interval == .seconds(30))
        #expect(policy.timeout == .seconds(10))
        #expect(policy.missesAllowed == 0)
        #expect(!policy.beatsOnOpen)
        let message = HeartbeatPolicy.message(.text("beat"))
        #expect(message.interval == .seconds(60))
        #expect(message.beatsOnOpen)
    }

    @Test("A heartbeat that is off has nothing to do") func offHasNothingToDo() {
        var machine = machine(.off)
        #expect(machine.advance(now: seconds(1e6)) == .off)
    }

    @Test("Answered beats follow the interval") func answeredBeatsFollowTheInterval() {
        var machine = machine(.ping(), openedAt: seconds(5))
        #expect(machine.advance(now: seconds(5)) == .sleep(until: seconds(35)))
        #expect(machine.advance(now: seconds(35)) == .beat(1))
        #expect(machine.advance(now: seconds(35)) == .sleep(until: seconds(45)))
        machine.answered()
        #expect(machine.advance(now: seconds(45)) == .sleep(until: seconds(65)))
        #expect(machine.advance(now: seconds(65)) == .beat(2))
    }

    @Test("The first beat can come right when the connection opens") func theFirstBeatCanComeRightOnOpen() {
        var application = machine(.message(.text("beat")), openedAt: seconds(5))
        #expect(application.advance(now: seconds(5)) == .beat(1))
        var ping = machine(.ping(beatsOnOpen: true), openedAt: seconds(5))
        #expect(ping.advance(now: seconds(5)) == .beat(1))
    }

    @Test("Silence is death after the misses allowed", arguments: [0, 1, 3])
    func silenceIsDeathAfterTheMissesAllowed(missesAllowed: Int) {
        var machine = machine(.ping(missesAllowed: missesAllowed))
        var now = seconds(30)
        #expect(machine.advance(now: now) == .beat(1))
        for miss in 0..<missesAllowed {
            now += .seconds(10)
            #expect(machine.advance(now: now) == .beat(2 + miss), "the next beat follows a miss at once")
        }
        #expect(machine.advance(now: now + .milliseconds(9_999)) == .sleep(until: now + .seconds(10)))
        #expect(machine.advance(now: now + .seconds(10)) == .dead(unanswered: missesAllowed + 1))
    }

    @Test("An answer forgives earlier misses") func anAnswerForgivesEarlierMisses() {
        var machine = machine(.ping(missesAllowed: 1))
        #expect(machine.advance(now: seconds(30)) == .beat(1))
        #expect(machine.advance(now: seconds(40)) == .beat(2))
        machine.answered()
        #expect(machine.advance(now: seconds(70)) == .beat(3))
        #expect(machine.advance(now: seconds(80)) == .beat(4), "the miss before the answer no longer counts")
    }

    @Test("The timeout may be longer than the interval") func timeoutMayBeLongerThanTheInterval() {
        var machine = machine(.ping(every: .seconds(3), timeout: .seconds(10)))
        let beats = [3.0, 6, 9, 12].map { machine.advance(now: seconds($0)) }
        #expect(beats == [.beat(1), .beat(2), .beat(3), .beat(4)])
        #expect(machine.advance(now: seconds(12)) == .sleep(until: seconds(13)))
        #expect(machine.advance(now: seconds(13)) == .dead(unanswered: 1))
    }

    @Test("Any traffic counts where the policy says so", arguments: [true, false])
    func trafficCountsWhereThePolicySaysSo(anyTrafficCounts: Bool) {
        var machine = machine(.ping(anyTrafficCounts: anyTrafficCounts))
        #expect(machine.advance(now: seconds(30)) == .beat(1))
        #expect(machine.received(isAnswer: false, now: seconds(35)) == nil)
        let action = machine.advance(now: seconds(40))
        #expect(action == (anyTrafficCounts ? .sleep(until: seconds(60)) : .dead(unanswered: 1)))
    }

    @Test("Bytes of an unfinished message are traffic", arguments: [true, false])
    func bytesOfAnUnfinishedMessageAreTraffic(anyTrafficCounts: Bool) {
        var machine = machine(.ping(anyTrafficCounts: anyTrafficCounts))
        #expect(machine.advance(now: seconds(30), bytesReceived: 1000) == .beat(1))
        let action = machine.advance(now: seconds(40), bytesReceived: 1001)
        #expect(action == (anyTrafficCounts ? .sleep(until: seconds(60)) : .dead(unanswered: 1)))
    }

    @Test("Bytes from before the beat are no answer to it") func bytesFromBeforeTheBeatAreNot() {
        var machine = machine(.ping())
        #expect(machine.advance(now: seconds(30), bytesReceived: 1000) == .beat(1))
        #expect(machine.advance(now: seconds(40), bytesReceived: 1000) == .dead(unanswered: 1))
    }

    @Test("Traffic puts off the next beat of the application's heartbeat")
    func trafficRestartsTheApplicationsHeartbeat() {
        var machine = machine(.message(.text("beat"), beatsOnOpen: false))
        _ = machine.received(isAnswer: false, now: seconds(59))
        #expect(machine.advance(now: seconds(60)) == .sleep(until: seconds(119)))
        #expect(machine.advance(now: seconds(119)) == .beat(1))
    }

    @Test("Only the answer counts where the policy knows it") func onlyTheAnswerCountsWhereThePolicyKnowsIt() {
        var machine = machine(.message(.text("ping"), beatsOnOpen: false, isAnswer: { $0.text == "pong" }))
        #expect(machine.advance(now: seconds(60)) == .beat(1))
        #expect(machine.received(isAnswer: false, now: seconds(61)) == nil)
        #expect(machine.advance(now: seconds(61)) == .sleep(until: seconds(70)))
        #expect(machine.received(isAnswer: true, now: seconds(62)) == .seconds(2))
        #expect(machine.received(isAnswer: true, now: seconds(63)) == nil, "one beat has one round trip")
        #expect(machine.advance(now: seconds(70)) == .sleep(until: seconds(120)))
    }

    @Test("Without a timeout, no answer is expected") func withoutATimeoutNothingIsExpected() {
        var machine = machine(.message(.text("beat"), timeout: nil))
        let beats = [0.0, 60, 120, 180].map { machine.advance(now: seconds($0)) }
        #expect(beats == [.beat(1), .beat(2), .beat(3), .beat(4)])
    }

    @Test("While reading is paused nothing is missed, and afterwards a whole timeout is left")
    func aPauseOfReadingHidesTheAnswerSoNothingIsMissed() {
        var machine = machine(.ping())
        machine.readingPaused(now: seconds(25))
        let beats = [30.0, 40, 60, 70, 90].map { machine.advance(now: seconds($0)) }
        #expect(beats == [.beat(1), .sleep(until: seconds(50)), .beat(2), .sleep(until: seconds(80)), .beat(3)])
        machine.readingResumed(now: seconds(95))
        #expect(machine.advance(now: seconds(100)) == .sleep(until: seconds(105)), "a whole timeout from then on")
        #expect(machine.advance(now: seconds(105)) == .dead(unanswered: 1))
    }

    @Test("Pauses of reading put the verdict off by no more than they take")
    func pausesOfReadingPutTheVerdictOffByNoMoreThanTheyTake() {
        var machine = machine(.message(.text("ping"), beatsOnOpen: false, isAnswer: { $0.text == "pong" }))
        #expect(machine.advance(now: seconds(60)) == .beat(1))
        for second in 61...69 {
            _ = machine.received(isAnswer: false, now: .seconds(second))
            machine.readingPaused(now: .seconds(second))
            machine.readingResumed(now: .seconds(second) + .milliseconds(100))
        }
        #expect(machine.advance(now: seconds(70)) == .sleep(until: .milliseconds(70_900)))
        #expect(machine.advance(now: .milliseconds(70_900)) == .dead(unanswered: 1))
    }

    @Test("Numbers that make no sense do not make it spin") func senselessNumbersDoNotSpin() {
        var machine = machine(.ping(every: .seconds(-1), timeout: .zero, missesAllowed: -1))
        #expect(machine.advance(now: .zero) == .sleep(until: .milliseconds(1)))
        #expect(machine.advance(now: .milliseconds(1)) == .beat(1))
        machine.readingPaused(now: .milliseconds(1))
        #expect(machine.advance(now: .milliseconds(2)) == .beat(2))
        #expect(machine.advance(now: .milliseconds(2)) == .sleep(until: .milliseconds(3)))
        machine.readingResumed(now: .milliseconds(2))
        #expect(machine.advance(now: .milliseconds(3)) == .dead(unanswered: 1))
    }
}

@Suite struct RoundTripTimeTests {
    @Test("Round trips are smoothed with the weight of RFC 6298") func smoothsWithTheWeightOfRFC6298() {
        var time = RoundTripTime(first: .milliseconds(80))
        time.add(.milliseconds(160))
        time.add(.milliseconds(10))
        #expect(time.last == .milliseconds(10))
        #expect(time.smoothed == .microseconds(80_000 + 10_000 - 10_000))
        #expect(time.minimum == .milliseconds(10))
        #expect(time.maximum == .milliseconds(160))
    }
}

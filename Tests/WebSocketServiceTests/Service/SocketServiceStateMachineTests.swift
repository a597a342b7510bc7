import Testing

@testable import WebSocketService

@Suite struct SocketServiceStateMachineTests {
    private typealias Machine = SocketService.StateMachine

    private var generator = ConstantGenerator.highest

    private func idle(_ policy: ReconnectPolicy = .fixed(.seconds(1))) -> Machine {
        Machine(policy: policy, endpointCount: 3)
    }

    private func connecting() -> Machine {
        var machine = idle()
        _ = machine.start()
        return machine
    }

    private func open() -> Machine {
        var machine = connecting()
        _ = machine.opened(1, now: .zero)
        return machine
    }

    private func deciding() -> Machine {
        var machine = connecting()
        _ = machine.failing(1, .refusedTCP, now: .zero)
        return machine
    }

    private mutating func reconnecting() -> Machine {
        var machine = connecting()
        _ = machine.failed(1, .refusedTCP, now: .zero, using: &generator)
        return machine
    }

    @Test("A failure counts also where reconnectNow() does not wait for what the policy says")
    func reconnectNowWhileThePolicyDecides() {
        var machine = deciding()
        let next = machine.reconnectNow()
        #expect(next?.number == 2)
        #expect(next?.endpoint == 1, "the next server")
        #expect(machine.failures == 1)
    }

    @Test(
        "A decision about an older attempt, which reconnectNow() did not wait for, changes nothing about the newer one")
    mutating func lateDecision() throws {
        var machine = connecting()
        let failing = machine.failing(1, .refusedTCP, now: .zero)
        var older = try #require(failing)
        _ = machine.reconnectNow()
        let failingAgain = machine.failing(2, .refusedTCP, now: .zero)
        var newer = try #require(failingAgain)
        #expect(machine.decided(older, older.decide(using: &generator), now: .zero) == .ignore)
        let decision = newer.decide(using: &generator)
        #expect(machine.decided(newer, decision, now: .zero) == .wait(.seconds(1), until: .seconds(1)))
    }

    private func pausing() -> Machine {
        var machine = open()
        _ = machine.pause()
        return machine
    }

    private func stopping() -> Machine {
        var machine = open()
        _ = machine.stop()
        return machine
    }

    private mutating func gaveUp() -> Machine {
        var machine = idle(.never)
        _ = machine.start()
        _ = machine.failed(1, .refusedTCP, now: .zero, using: &generator)
        return machine
    }

    private func stopped() -> Machine {
        var machine = idle()
        _ = machine.stop()
        return machine
    }

    private mutating func all() -> [(name: String, machine: Machine)] {
        [
            ("idle", idle()), ("connecting", connecting()), ("open", open()), ("deciding", deciding()),
            ("reconnecting", reconnecting()),
            ("pausing", pausing()), ("stopping", stopping()), ("gaveUp", gaveUp()), ("stopped", stopped()),
        ]
    }

    /// The effect of a call in each state: the state after it, and whether it begins an attempt.
    private mutating func table(_ call: (inout Machine) -> Machine.Attempt?) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: all().map { name, machine in
                var machine = machine
                let attempt = call(&machine)
                return (name, attempt == nil ? machine.state.rawValue : "\(machine.state.rawValue)!")
            })
    }

    @Test("Every inner state shows as one public state") mutating func states() {
        let states = Dictionary(uniqueKeysWithValues: all().map { ($0, $1.state) })
        #expect(
            states == [
                "idle": .idle, "connecting": .connecting, "open": .open, "deciding": .reconnecting,
                "reconnecting": .reconnecting,
                "pausing": .closing, "stopping": .closing, "gaveUp": .closed, "stopped": .closed,
            ])
        #expect(Set(all().filter(\.machine.isFinished).map(\.name)) == ["stopping", "gaveUp", "stopped"])
        #expect(Set(all().filter(\.machine.isStopped).map(\.name)) == ["stopping", "stopped"])
    }

    @Test("start() connects when idle or after giving up, and otherwise leaves the state as it is")
    mutating func start() {
        #expect(
            table { $0.start() } == [
                "idle": "connecting!", "connecting": "connecting", "open": "open", "deciding": "reconnecting",
                "reconnecting": "reconnecting",
                "pausing": "closing", "stopping": "closing", "gaveUp": "connecting!", "stopped": "closed",
            ])
    }

    @Test("reconnectNow() connects instead of waiting or after giving up, and otherwise leaves the state as it is")
    mutating func reconnectNow() {
        #expect(
            table { $0.reconnectNow() } == [
                "idle": "idle", "connecting": "connecting", "open": "open", "deciding": "connecting!",
                "reconnecting": "connecting!",
                "pausing": "closing", "stopping": "closing", "gaveUp": "connecting!", "stopped": "closed",
            ])
    }

    @Test("The end of closing leads to idle after a pause, to connecting if resumed meanwhile, and else to closed")
    mutating func closingFinished() {
        #expect(
            table { $0.closingFinished() } == [
                "idle": "idle", "connecting": "connecting", "open": "open", "deciding": "reconnecting",
                "reconnecting": "reconnecting",
                "pausing": "idle", "stopping": "closed", "gaveUp": "closed", "stopped": "closed",
            ])
        var resumed = pausing()
        #expect(resumed.start() == nil)
        #expect(resumed.closingFinished()?.generation == 2, "resumed while closing, it connects afterwards")
        #expect(resumed.state == .connecting)
    }

    @Test("pause() and stop() close an open connection, and abandon what is under way") mutating func pauseAndStop() {
        let expected: [String: (pause: Machine.LeaveAction, stop: Machine.LeaveAction)] = [
            "idle": (.nothing, .nothing), "connecting": (.abandon, .abandon),
            "open": (.closeConnection, .closeConnection), "deciding": (.abandon, .abandon),
            "reconnecting": (.abandon, .abandon),
            "pausing": (.nothing, .nothing), "stopping": (.nothing, .nothing), "gaveUp": (.nothing, .nothing),
            "stopped": (.nothing, .nothing),
        ]
        for (name, machine) in all() {
            var (paused, stopped) = (machine, machine)
            let (pause, stop) = (paused.pause(), stopped.stop())
            #expect(pause == expected[name]?.pause, "pause when \(name)")
            #expect(stop == expected[name]?.stop, "stop when \(name)")
            #expect(stopped.isStopped, "stop when \(name)")
            #expect(paused.isStopped == machine.isStopped, "pause when \(name)")
        }
    }

    @Test("Stopping while pausing ends stopped") func stoppingWhilePausingEndsStopped() {
        var machine = pausing()
        #expect(machine.stop() == .nothing)
        #expect(machine.closingFinished() == nil)
        #expect(machine.state == .closed)
        #expect(machine.start() == nil)
    }

    @Test("Events of an older connection change nothing") mutating func eventsOfAnOlderConnectionChangeNothing() {
        for (name, machine) in all() {
            var late = machine
            #expect(late.opened(99, now: .zero) == false, "\(name)")
            let action = late.failed(99, .refusedTCP, now: .zero, using: &generator)
            #expect(action == .ignore, "\(name)")
            #expect(late.waitEnded(99) == nil, "\(name)")
            #expect(late.state == machine.state, "\(name)")
        }
        var reconnected = reconnecting()
        #expect(reconnected.reconnectNow()?.generation == 2)
        #expect(reconnected.waitEnded(1) == nil, "the wait that was skipped ends too late")
        #expect(reconnected.opened(1, now: .zero) == false)
        #expect(reconnected.opened(2, now: .zero) == true)
    }

    @Test("A connection opens once, and its first end counts") mutating func aConnectionOpensOnlyOnce() {
        var machine = connecting()
        #expect(machine.opened(1, now: .zero) == true)
        #expect(machine.opened(1, now: .zero) == false)
        #expect(machine.state == .open)
        _ = machine.failed(1, .refusedTCP, now: .zero, using: &generator)
        let again = machine.failed(1, .refusedTCP, now: .zero, using: &generator)
        #expect(again == .ignore, "the first end counts")
    }

    @Test("Attempts are numbered, and rotate through the servers") mutating func attemptsAreNumberedAndRotate() {
        var machine = idle()
        #expect(machine.start() == Machine.Attempt(generation: 1, number: 1, endpoint: 0))
        let first = machine.failed(1, .refusedTCP, now: .seconds(5), using: &generator)
        #expect(first == .wait(.seconds(1), until: .seconds(6)))
        #expect(machine.waitEnded(1) == Machine.Attempt(generation: 2, number: 2, endpoint: 1))
        _ = machine.opened(2, now: .seconds(6))
        _ = machine.failed(2, .closedByPeer(1001), now: .seconds(16), using: &generator)
        #expect(
            machine.waitEnded(2) == Machine.Attempt(generation: 3, number: 2, endpoint: 1),
            "after a stable connection the count starts anew, with the same server")
        _ = machine.opened(3, now: .seconds(17))
        _ = machine.failed(3, .closedByPeer(1001), now: .seconds(18), using: &generator)
        #expect(machine.waitEnded(3) == Machine.Attempt(generation: 4, number: 3, endpoint: 2))
    }

    @Test("A final failure of one server moves on to the next")
    mutating func aFinalFailureOfOneServerMovesOnToTheNext() {
        var machine = idle()
        _ = machine.start()
        let first = machine.failed(1, .refused(.notFound), now: .zero, using: &generator)
        #expect(first == .wait(.seconds(1), until: .seconds(1)))
        #expect(machine.waitEnded(1)?.endpoint == 1)
        _ = machine.opened(2, now: .seconds(1))
        // However long it was up: a server that says 1008 is not asked again before the others.
        let second = machine.failed(2, .closedByPeer(1008), now: .seconds(100), using: &generator)
        #expect(second == .wait(.seconds(1), until: .seconds(101)))
        #expect(machine.waitEnded(2)?.endpoint == 2)
        let third = machine.failed(3, .tls(.expired), now: .seconds(101), using: &generator)
        #expect(third == .wait(.seconds(1), until: .seconds(102)))
        #expect(machine.waitEnded(3)?.endpoint == 0)
        let fourth = machine.failed(4, .refused(.notFound), now: .seconds(102), using: &generator)
        #expect(fourth == .giveUp(attempts: 3))
    }

    @Test("Giving up tells how many attempts there were") mutating func givingUpTellsHowManyAttemptsThereWere() {
        var machine = idle(.fixed(.zero, maximumRetries: 1))
        _ = machine.start()
        let first = machine.failed(1, .refusedTCP, now: .zero, using: &generator)
        #expect(first == .wait(.zero, until: .zero))
        _ = machine.waitEnded(1)
        let second = machine.failed(2, .refusedTCP, now: .zero, using: &generator)
        #expect(second == .giveUp(attempts: 2))
        #expect(machine.start()?.number == 1)
    }
}

extension SocketService.StateMachine {
    /// A failure and the decision about it, with nothing between them.
    mutating func failed(
        _ generation: UInt64, _ failure: ConnectionFailure, now: Duration,
        using generator: inout some RandomNumberGenerator
    ) -> FailureAction {
        guard var deliberation = failing(generation, failure, now: now) else { return .ignore }
        let decision = deliberation.decide(using: &generator)
        return decided(deliberation, decision, now: now)
    }
}

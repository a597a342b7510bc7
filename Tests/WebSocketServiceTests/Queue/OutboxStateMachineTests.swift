import HTTPTypes
import Testing

@testable import WebSocketService
@testable import WebSocketTesting

@Suite struct OutboxStateMachineTests {
    /// A machine, driven by one line per event.
    private struct Fixture {
        var machine: Outbox.StateMachine
        var now = Duration.zero
        /// The outcomes of those that waited, and of what was queued, in the order in which that was decided.
        var told: [String] = []
        /// The connections that were asked to be drained.
        var drains: [UInt64] = []

        init(_ policy: QueuePolicy = QueuePolicy(limit: 2)) {
            machine = Outbox.StateMachine(policy: policy)
        }

        mutating func change<Result>(_ body: (inout Outbox.StateMachine, inout Outbox.Effects) -> Result) -> Result {
            var effects = Outbox.Effects()
            let result = body(&machine, &effects)
            told += effects.verdicts.map { "\($0.number) \(name($0.verdict))" }
            told += effects.drops.map { "\($0.entry.number) dropped \($0.reason.rawValue)" }
            if let drain = effects.drain { drains.append(drain.generation) }
            return result
        }

        private func name(_ verdict: Outbox.Verdict) -> String {
            switch verdict {
            case .outcome(.sent): "sent"
            case .outcome(.queued): "queued"
            case .outcome(.dropped(let reason)): reason.rawValue
            case .full: "full"
            case .fullForHandler: "fullForHandler"
            case .needsReturn: "inboxFull"
            case .cancelled: "cancelled"
            }
        }

        mutating func send(
            _ number: UInt64, size: Int = 1, volatile: Bool = false, expiry: Duration? = nil,
            from caller: Caller = .outside
        ) -> String {
            let message = WebSocketMessage.binary(Array(repeating: 0, count: size))
            let entry = SendQueue.Entry(number: number, message: message, expiry: expiry, byteCount: size)
            let now = now
            let admission = change { machine, effects in
                machine.admit(entry, mayBeQueued: !volatile, caller, now: now, &effects)
            }
            return switch admission {
            case .direct(let destination): "direct \(destination.generation)"
            case .decided(let verdict): name(verdict)
            case .waits: "waits"
            }
        }

        mutating func connect(_ generation: UInt64, greeting: Bool = false) {
            let client = ScriptedClient(handshake: HandshakeResponse(headers: [:], subprotocol: nil))
            change {
                $0.connect(Outbox.Destination(connection: client, generation: generation, isGreeting: greeting), &$1)
            }
        }

        mutating func disconnect(_ generation: UInt64) {
            change { $0.disconnect(generation, &$1) }
        }

        mutating func drain(_ generation: UInt64, after last: Outbox.StateMachine.Drained? = nil) -> UInt64? {
            let now = now
            return change { $0.nextToDrain(generation, after: last, now: now, &$1)?.number }
        }
    }

    // MARK: The table of who sends in which state

    private static let callers: [(name: String, caller: Caller)] = [
        ("outside", .outside), ("handler", .handler), ("onOpen", .onOpen(generation: 2)),
        ("onOpen of an older one", .onOpen(generation: 1)),
    ]

    private static func state(_ name: String, _ policy: QueuePolicy) -> Fixture {
        var fixture = Fixture(policy)
        switch name {
        case "down": break
        case "greeting": fixture.connect(2, greeting: true)
        case "draining":
            _ = fixture.send(1)
            fixture.connect(2)
            _ = fixture.drain(2)
        case "direct": fixture.connect(2)
        case "finished": fixture.change { $0.finish(&$1) }
        default: Issue.record("no such state")
        }
        return fixture
    }

    /// The table in the documentation of `SocketService.State`: per state, what a message and a volatile one become, for each
    /// of the callers in their order.
    @Test(
        "Who sends in which state is sent at once, queued or refused as the table says",
        arguments: [
            (
                "down", ["queued", "queued", "connectionEnded", "connectionEnded"],
                ["notConnected", "notConnected", "connectionEnded", "connectionEnded"]
            ),
            (
                "greeting", ["queued", "queued", "direct 2", "connectionEnded"],
                ["notConnected", "notConnected", "direct 2", "connectionEnded"]
            ),
            (
                "draining", ["queued", "queued", "queued", "connectionEnded"],
                ["notConnected", "notConnected", "notConnected", "connectionEnded"]
            ),
            (
                "direct", ["direct 2", "direct 2", "direct 2", "connectionEnded"],
                ["direct 2", "direct 2", "direct 2", "connectionEnded"]
            ),
            ("finished", ["closed", "closed", "closed", "closed"], ["closed", "closed", "closed", "closed"]),
        ] as [(String, [String], [String])])
    func whoSendsInWhichState(state: String, queued: [String], volatile: [String]) {
        for (index, (name, caller)) in Self.callers.enumerated() {
            var fixture = Self.state(state, QueuePolicy())
            #expect(fixture.send(9, from: caller) == queued[index], "\(name) when \(state)")
            fixture = Self.state(state, QueuePolicy())
            #expect(fixture.send(9, volatile: true, from: caller) == volatile[index], "volatile, \(name) when \(state)")
        }
    }

    /// The same with a full queue: per overflow rule, what a message from outside and one of a handler become.
    @Test(
        "A send to a full queue ends as the overflow rule says, by state and caller",
        arguments: [
            (
                "down",
                [("queued", "queued"), ("queueFull", "queueFull"), ("full", "full"), ("waits", "fullForHandler")]
            ),
            (
                "greeting",
                [("queued", "queued"), ("queueFull", "queueFull"), ("full", "full"), ("waits", "fullForHandler")]
            ),
            ("draining", [("waits", "waits"), ("waits", "waits"), ("waits", "waits"), ("waits", "waits")]),
        ] as [(String, [(String, String)])])
    func whoSendsToAFullQueue(state: String, expected: [(outside: String, handler: String)]) {
        for (overflow, expected) in zip(QueuePolicy.Overflow.allCases, expected) {
            for (caller, expected) in [(Caller.outside, expected.outside), (.handler, expected.handler)] {
                var fixture = Self.state(state, QueuePolicy(limit: 2, overflow: overflow))
                var number: UInt64 = 2
                while fixture.machine.queue.count < 2 {
                    _ = fixture.send(number)
                    number += 1
                }
                #expect(fixture.send(9, from: caller) == expected, "\(caller) when \(state), \(overflow)")
            }
        }
    }

    // MARK: Waiting for room

    @Test("With an empty queue, a new connection is sent to directly, without a drain") func anEmptyQueueIsNoPhase() {
        var fixture = Fixture()
        fixture.connect(1)
        #expect(fixture.machine.isDirect && fixture.machine.isQuiet)
        #expect(fixture.send(1, volatile: true) == "direct 1")
        #expect(fixture.drains.isEmpty)
    }

    @Test("Who waits to send is served first come, first served") func firstComeFirstServed() {
        var fixture = Fixture(QueuePolicy(limit: 1, overflow: .suspend))
        #expect((1...3).map { fixture.send($0) } == ["queued", "waits", "waits"])
        fixture.connect(1)
        #expect(fixture.drain(1) == 1)
        #expect(fixture.send(4) == "waits", "those who wait already go first")
        #expect(fixture.told == [], "what is being handed over has its place")
        #expect(fixture.drain(1, after: .taken) == 2)
        #expect(fixture.drain(1, after: .taken) == 3)
        #expect(fixture.drain(1, after: .taken) == 4)
        #expect(fixture.told == ["2 queued", "3 queued", "4 queued"])
        #expect(fixture.drain(1, after: .taken) == nil)
        #expect(fixture.machine.isDirect)
    }

    @Test("A waiting sender that is cancelled leaves room for the smaller one behind it, and is told once")
    func whoeverIsCancelledLeavesRoomForTheSmallerOneBehind() {
        var fixture = Fixture(QueuePolicy(byteLimit: 6, overflow: .suspend))
        #expect(fixture.send(1, size: 4) == "queued")
        #expect(fixture.send(2, size: 5) == "waits")
        #expect(fixture.send(3, size: 2) == "waits")
        fixture.change { $0.giveUp(2, .cancelled, &$1) }
        #expect(fixture.told == ["2 cancelled", "3 queued"])
        fixture.change { $0.giveUp(2, .cancelled, &$1) }
        fixture.change { $0.giveUp(3, .cancelled, &$1) }
        #expect(fixture.told.count == 2, "each once")
    }

    @Test("A request that is taken back makes room for a sender that waits") func aRequestThatIsTakenBackMakesRoom() {
        var fixture = Fixture(QueuePolicy(limit: 1, overflow: .suspend))
        #expect((1...2).map { fixture.send($0) } == ["queued", "waits"])
        fixture.change { $0.remove(1, &$1) }
        #expect(fixture.told == ["2 queued"])
    }

    @Test("A sender that waits is told when its time to live is over") func aTimeToLiveIsKeptByASenderThatWaits() {
        var fixture = Fixture(QueuePolicy(limit: 1, overflow: .suspend))
        #expect(fixture.send(1) == "queued")
        #expect(fixture.send(2, expiry: .seconds(5)) == "waits")
        #expect(fixture.machine.nextExpiry == .seconds(5))
        fixture.change { $0.removeExpired(now: .seconds(5), &$1) }
        #expect(fixture.told == ["2 expired"])
        #expect(fixture.machine.nextExpiry == nil)
    }

    @Test("A message that has expired is not drained, even before its timer runs") func anExpiredMessageIsNotDrained() {
        var fixture = Fixture()
        #expect(fixture.send(1, expiry: .seconds(5)) == "queued")
        #expect(fixture.send(2) == "queued")
        fixture.connect(1)
        // The task that sleeps until then has not run yet.
        fixture.now = .seconds(5)
        #expect(fixture.drain(1) == 2)
        #expect(fixture.told == ["1 dropped expired"])
    }

    @Test("What a drain did not hand over in time, or was refused, is reported as dropped")
    func whatADrainCouldNotHandOverInTimeOrIsRefusedIsReported() {
        var fixture = Fixture()
        #expect((1...2).map { fixture.send($0) } == ["queued", "queued"])
        fixture.connect(1)
        #expect(fixture.drain(1) == 1)
        #expect(fixture.drain(1, after: .expired) == 2)
        #expect(fixture.drain(1, after: .refused) == nil)
        #expect(fixture.told == ["1 dropped expired", "2 dropped rejected"])
    }

    // MARK: Connections that come and go

    @Test("A drain waits for the one before to hand back the oldest message")
    func aDrainWaitsForTheOneBeforeWhichHandsBackTheOldestMessage() {
        var fixture = Fixture()
        #expect((1...2).map { fixture.send($0) } == ["queued", "queued"])
        fixture.connect(1)
        #expect(fixture.drain(1) == 1)
        fixture.disconnect(1)
        fixture.connect(2)
        #expect(fixture.drains == [1], "the oldest message is still with the first")
        #expect(fixture.send(3) == "waits")
        #expect(fixture.drain(1, after: .notTaken) == nil)
        #expect(fixture.drains == [1, 2])
        #expect(fixture.drain(2) == 1)
        #expect(fixture.drain(2, after: .taken) == 2)
        #expect(fixture.drain(2, after: .taken) == 3)
    }

    @Test("What an old connection refuses late goes out on the newer one")
    func whatAnOldConnectionRefusesLateGoesOutOnTheNewerThatIsPastItsQueue() {
        var fixture = Fixture()
        fixture.connect(1)
        #expect(fixture.send(1) == "direct 1")
        fixture.disconnect(1)
        #expect(fixture.send(2) == "queued")
        fixture.connect(2)
        #expect(fixture.drain(2) == 2)
        // The first one says only now that it has not taken the message.
        #expect(fixture.send(1) == "queued")
        #expect(fixture.drain(2, after: .taken) == 1)
        #expect(fixture.drain(2, after: .taken) == nil)
        #expect(fixture.send(1) == "direct 2", "and with nothing queued it does at once")
    }

    @Test("A connection that refused a message as ended counts as down") func aLinkThatRefusedAMessageAsEndedIsDown() {
        var fixture = Fixture()
        fixture.connect(1)
        fixture.disconnect(1)
        #expect(fixture.send(1) == "queued")
        #expect(fixture.send(2, volatile: true) == "notConnected")
        fixture.disconnect(1)
        #expect(fixture.machine.queue.count == 1)
    }

    @Test(
        "When the connection is lost, the overflow rule decides about who waits",
        arguments: zip(
            QueuePolicy.Overflow.allCases,
            [["1 dropped queueFull", "3 queued"], ["3 queueFull"], ["3 full"], []] as [[String]]))
    func losingTheConnectionLeavesWhoWaitsToTheRule(overflow: QueuePolicy.Overflow, told: [String]) {
        var fixture = Fixture(QueuePolicy(limit: 2, overflow: overflow))
        #expect((1...2).map { fixture.send($0) } == ["queued", "queued"])
        fixture.connect(1)
        #expect(fixture.drain(1) == 1)
        #expect(fixture.send(3) == "waits")
        fixture.disconnect(1)
        #expect(fixture.told == [], "the message that the connection holds has its place, and is the oldest")
        #expect(fixture.drain(1, after: .notTaken) == nil)
        #expect(Set(fixture.told) == Set(told))
    }

    @Test("A handler is not left waiting for a queue that only its return can drain")
    func handlersThatWaitAreNotLeftToAQueueThatOnlyTheirReturnCouldDrain() {
        var fixture = Fixture(QueuePolicy(limit: 1, overflow: .suspend))
        #expect(fixture.send(1) == "queued")
        fixture.connect(1)
        #expect(fixture.drain(1) == 1)
        #expect(fixture.send(2, from: .handler) == "waits", "the connection drains the queue")
        #expect(fixture.send(3) == "waits")
        fixture.disconnect(1)
        #expect(fixture.drain(1, after: .notTaken) == nil)
        #expect(fixture.told == ["2 fullForHandler"])
        fixture.connect(2, greeting: true)
        #expect(fixture.machine.waiterCount == 1)
        fixture.change { $0.endGreeting(2, &$1) }
        #expect(fixture.drain(2) == 1)
        #expect(fixture.drain(2, after: .taken) == 3)
    }

    @Test("Finishing completes every waiting sender once, and leaves the queue")
    func finishingCompletesEverybodyOnceAndLeavesTheQueue() {
        var fixture = Fixture(QueuePolicy(limit: 1, overflow: .suspend))
        #expect((1...3).map { fixture.send($0) } == ["queued", "waits", "waits"])
        fixture.change { $0.finish(&$1) }
        #expect(fixture.told == ["2 closed", "3 closed"])
        #expect(fixture.send(4) == "closed")
        fixture.change {
            $0.resume(); _ = $1
        }
        #expect(fixture.send(5, volatile: true) == "notConnected")
        let unsent = fixture.change { $0.takeUnsent(now: .zero, &$1).map(\.number) }
        #expect(unsent == [1])
    }

    @Test(
        "A message that the queue can never hold does not wait",
        arguments: [(QueuePolicy(limit: 0), "queueFull"), (QueuePolicy(byteLimit: 3), "largerThanQueue")])
    func whatTheQueueCanNeverHoldDoesNotWait(policy: QueuePolicy, outcome: String) {
        var fixture = Fixture(policy)
        #expect(fixture.send(1, size: 4) == outcome)
        fixture.connect(1, greeting: true)
        #expect(fixture.send(2, size: 4) == outcome)
    }
}

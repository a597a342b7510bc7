import Testing

@testable import WebSocketService

@Suite struct OutboxStateMachineTests {
    private typealias Fixture = OutboxFixture

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

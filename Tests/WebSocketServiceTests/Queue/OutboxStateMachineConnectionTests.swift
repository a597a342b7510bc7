import Testing

@testable import WebSocketService

/// Connections that come and go.
@Suite struct OutboxStateMachineConnectionTests {
    private typealias Fixture = OutboxFixture

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

    @Test("An old connection that refuses a message late does not count as the end of the newer one")
    func anOldConnectionThatRefusesLate() {
        var fixture = Fixture()
        fixture.connect(1)
        fixture.disconnect(1)
        fixture.connect(2)
        fixture.disconnect(1)
        #expect(fixture.send(1, volatile: true) == "direct 2")
    }

    @Test("A connection that refused a message as ended counts as down")
    func aConnectionThatRefusedAMessageAsEndedIsDown() {
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
}

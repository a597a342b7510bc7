import Testing

@testable import WebSocketService

@Suite struct SendQueueTests {
    /// A queue, driven by one line per event.
    private struct Fixture {
        var queue: SendQueue
        var now = Duration.zero
        var number: UInt64 = 0
        var drops: [String] = []

        init(_ policy: QueuePolicy) {
            queue = SendQueue(policy: policy)
        }

        mutating func send(
            _ text: String, _ delivery: Delivery = .queued, number: UInt64? = nil, waitsForRoom: Bool = false
        ) -> SendQueue.Placement {
            self.number += 1
            let timeToLive = queue.policy.timeToLive(of: delivery)
            let entry = SendQueue.Entry(
                number: number ?? self.number, message: .text(text), expiry: timeToLive.map { now + $0 },
                byteCount: text.utf8.count)
            var drops: [SendQueue.Drop] = []
            queue.removeExpired(now: now, drops: &drops)
            let placement = queue.admit(entry, waitsForRoom: waitsForRoom, drops: &drops)
            self.drops += drops.map { "\($0.entry.message.text ?? "") \($0.reason.rawValue)" }
            return placement
        }

        mutating func rest() -> [String] {
            queue.removeAll().compactMap(\.message.text)
        }
    }

    @Test("The defaults are the documented ones") func defaultsAreTheDocumentedOnes() {
        let policy = QueuePolicy()
        #expect(policy.limit == 1_000)
        #expect(policy.byteLimit == 16 << 20)
        #expect(policy.overflow == .dropOldest)
        #expect(policy.timeToLive == nil)
    }

    @Test(
        "A queue that is full by count drops, refuses or waits as the overflow rule says",
        arguments: [
            (.dropOldest, .queued, ["a queueFull"], ["b", "c"]),
            (.dropNewest, .dropped(.queueFull), [], ["a", "b"]),
            (.fail, .full, [], ["a", "b"]),
            (.suspend, .wait, [], ["a", "b"]),
        ] as [(QueuePolicy.Overflow, SendQueue.Placement, [String], [String])])
    func overflowByCount(
        overflow: QueuePolicy.Overflow, placement: SendQueue.Placement, drops: [String], rest: [String]
    ) {
        var fixture = Fixture(QueuePolicy(limit: 2, overflow: overflow))
        #expect(fixture.send("a") == .queued)
        #expect(fixture.send("b") == .queued)
        #expect(fixture.send("c") == placement)
        #expect(fixture.drops == drops)
        #expect(fixture.rest() == rest)
    }

    @Test(
        "A queue that is full by bytes drops, refuses or waits as the overflow rule says",
        arguments: [
            (.dropOldest, .queued, ["aaa queueFull", "bbb queueFull"], ["c", "dddddddd"]),
            (.dropNewest, .dropped(.queueFull), [], ["aaa", "bbb", "c"]),
            (.fail, .full, [], ["aaa", "bbb", "c"]),
            (.suspend, .wait, [], ["aaa", "bbb", "c"]),
        ] as [(QueuePolicy.Overflow, SendQueue.Placement, [String], [String])])
    func overflowByBytes(
        overflow: QueuePolicy.Overflow, placement: SendQueue.Placement, drops: [String], rest: [String]
    ) {
        var fixture = Fixture(QueuePolicy(byteLimit: 9, overflow: overflow))
        for text in ["aaa", "bbb", "c"] { #expect(fixture.send(text) == .queued) }
        #expect(fixture.queue.byteCount == 7)
        #expect(fixture.send("dddddddd") == placement)
        #expect(fixture.drops == drops)
        #expect(fixture.rest() == rest)
        #expect(fixture.queue.byteCount == 0)
    }

    @Test(
        "A message larger than the queue is refused without dropping others", arguments: QueuePolicy.Overflow.allCases)
    func aMessageLargerThanTheQueueIsRefusedWithoutDroppingOthers(overflow: QueuePolicy.Overflow) {
        var fixture = Fixture(QueuePolicy(byteLimit: 4, overflow: overflow))
        #expect(fixture.send("abc") == .queued)
        #expect(fixture.send("abcde") == .dropped(.largerThanQueue))
        #expect(fixture.drops.isEmpty)
        #expect(fixture.rest() == ["abc"])
    }

    @Test("A limit of zero keeps nothing", arguments: QueuePolicy.Overflow.allCases)
    func aLimitOfZeroKeepsNothing(overflow: QueuePolicy.Overflow) {
        var fixture = Fixture(QueuePolicy(limit: 0, overflow: overflow))
        #expect(fixture.send("a") == .dropped(.queueFull))
        #expect(fixture.queue.isEmpty)
    }

    @Test("While the queue is drained, every overflow rule waits", arguments: QueuePolicy.Overflow.allCases)
    func whileItIsDrainedEveryRuleWaits(overflow: QueuePolicy.Overflow) {
        var fixture = Fixture(QueuePolicy(limit: 1, overflow: overflow))
        #expect(fixture.send("a", waitsForRoom: true) == .queued)
        #expect(fixture.send("b", waitsForRoom: true) == .wait)
        #expect(fixture.drops.isEmpty)
        #expect(fixture.rest() == ["a"])
    }

    @Test(
        "The shorter time to live of the policy and the delivery holds",
        arguments: [
            (nil, .queued, nil),
            (.seconds(5), .queued, .seconds(5)),
            (nil, .expiring(after: .seconds(3)), .seconds(3)),
            (.seconds(5), .expiring(after: .seconds(3)), .seconds(3)),
            (.seconds(5), .expiring(after: .seconds(30)), .seconds(5)),
        ] as [(Duration?, Delivery, Duration?)])
    func theShorterTimeToLiveHolds(policy: Duration?, delivery: Delivery, expiry: Duration?) {
        var fixture = Fixture(QueuePolicy(timeToLive: policy))
        #expect(fixture.send("a", delivery) == .queued)
        #expect(fixture.queue.nextExpiry == expiry)
        guard let expiry else { return }
        fixture.now = expiry - .milliseconds(1)
        #expect(fixture.send("b") == .queued)
        #expect(fixture.drops.isEmpty)
        fixture.now = expiry
        #expect(fixture.send("c") == .queued)
        #expect(fixture.drops == ["a expired"])
        #expect(fixture.rest() == ["b", "c"])
    }

    @Test("An expired message makes room before another is dropped")
    func anExpiredMessageMakesRoomBeforeAnotherIsDropped() {
        var fixture = Fixture(QueuePolicy(limit: 2))
        #expect(fixture.send("a") == .queued)
        #expect(fixture.send("b", .expiring(after: .seconds(1))) == .queued)
        fixture.now = .seconds(1)
        #expect(fixture.send("c") == .queued)
        #expect(fixture.drops == ["b expired"])
        #expect(fixture.rest() == ["a", "c"])
    }

    @Test("A message that a lost connection hands back takes its place by number")
    func whatALostConnectionHandsBackKeepsItsPlace() {
        var fixture = Fixture(QueuePolicy(limit: 3, overflow: .dropOldest))
        #expect(fixture.send("b", number: 20) == .queued)
        #expect(fixture.send("d", number: 40) == .queued)
        #expect(fixture.send("c", number: 30) == .queued)
        #expect(fixture.send("a", number: 10) == .dropped(.queueFull), "the oldest of all is the one that gives way")
        #expect(fixture.rest() == ["b", "c", "d"])
    }

    @Test("A message keeps its place until a connection has taken it")
    func aMessageKeepsItsPlaceUntilAConnectionHasTakenIt() {
        var fixture = Fixture(QueuePolicy(limit: 2))
        for text in ["a", "bb"] { #expect(fixture.send(text) == .queued) }
        #expect(fixture.queue.takeFirst()?.message.text == "a")
        #expect(fixture.queue.count == 2)
        #expect(fixture.queue.byteCount == 3)
        #expect(fixture.send("c") == .queued)
        #expect(fixture.drops == ["bb queueFull"], "what is being sent does not give way")
        fixture.queue.restoreTaken()
        fixture.queue.restoreTaken()
        #expect(fixture.queue.takeFirst()?.message.text == "a")
        fixture.queue.finishTaken()
        fixture.queue.finishTaken()
        #expect(fixture.queue.count == 1)
        #expect(fixture.queue.byteCount == 1)
        #expect(fixture.rest() == ["c"])
        #expect(fixture.queue.takeFirst() == nil)
        #expect(fixture.queue.isEmpty)
    }

    @Test("A message can be taken back, once") func aMessageCanBeTakenBack() {
        var fixture = Fixture(QueuePolicy())
        for text in ["a", "bb", "ccc"] { #expect(fixture.send(text) == .queued) }
        let removals = [fixture.queue.remove(number: 2), fixture.queue.remove(number: 2)]
        #expect(removals == [true, false])
        #expect(fixture.queue.byteCount == 4)
        #expect(fixture.rest() == ["a", "ccc"])
    }

    @Test("A message that is handed back keeps its time to live") func aMessageThatIsHandedBackKeepsItsTimeToLive() {
        var fixture = Fixture(QueuePolicy())
        #expect(fixture.send("a", .expiring(after: .seconds(10))) == .queued)
        #expect(fixture.send("b", .expiring(after: .seconds(5))) == .queued)
        #expect(fixture.queue.takeFirst()?.message.text == "a")
        fixture.now = .seconds(5)
        #expect(fixture.send("c") == .queued)
        #expect(fixture.drops == ["b expired"])
        fixture.queue.restoreTaken()
        #expect(fixture.queue.nextExpiry == .seconds(10))
    }

    @Test("The limit on bytes counts the memory that a message keeps, as the inbox does")
    func theLimitOnBytesCountsMemoryAsTheInboxDoes() {
        var queue = SendQueue(policy: QueuePolicy(limit: .max, byteLimit: 100_000, overflow: .fail))
        var drops: [SendQueue.Drop] = []
        var count: UInt64 = 0
        while count < 10_000,
            queue.admit(SendQueue.Entry(number: count + 1, message: .binary([]), expiry: nil), drops: &drops) == .queued
        {
            count += 1
        }
        #expect(count < 10_000 && count > 500, "an empty message takes its place")
        var slices = SendQueue(policy: QueuePolicy(byteLimit: 100_000, overflow: .fail))
        let large = Array(repeating: UInt8(0), count: 200_000)
        let slice = WebSocketMessage(kind: .binary, validatedPayload: large[199_999...])
        #expect(
            slices.admit(SendQueue.Entry(number: 1, message: slice, expiry: nil), drops: &drops)
                == .dropped(.largerThanQueue), "it keeps all that is in front of it")
    }
}

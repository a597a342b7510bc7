import Testing

@testable import LibWebSockets

@Suite struct LookupQueueTests {
    @Test("A name gets a thread, which ends when there is nothing more to do")
    func oneName() {
        var queue = LookupQueue<String>(threadLimit: 2)
        #expect(queue.add("first", for: "a").action == .startThread)
        #expect(queue.next() == "a")
        #expect(queue.threadCount == 1)
        #expect(queue.finished("a") == ["first"])
        #expect(queue.next() == nil)
        #expect(queue.threadCount == 0)
    }

    @Test("Whoever wants a name that is being looked up waits for that, and no name has two threads")
    func sameName() {
        var queue = LookupQueue<String>(threadLimit: 2)
        #expect(queue.add("first", for: "a").action == .startThread)
        #expect(queue.add("second", for: "a").action == .wait)
        #expect(queue.next() == "a")
        #expect(queue.add("third", for: "a").action == .wait)
        #expect(queue.finished("a") == ["first", "second", "third"])
        #expect(queue.add("fourth", for: "a").action == .startThread, "a name that was looked up is not remembered")
    }

    @Test("Beyond the limit names take turns in order, and a thread goes on with the next")
    func limit() {
        var queue = LookupQueue<String>(threadLimit: 2)
        #expect(queue.add("1", for: "a").action == .startThread)
        #expect(queue.add("2", for: "b").action == .startThread)
        #expect(queue.next() == "a")
        #expect(queue.next() == "b")
        #expect(queue.add("3", for: "c").action == .wait)
        #expect(queue.add("4", for: "d").action == .wait)
        #expect(queue.threadCount == 2)
        #expect(queue.finished("b") == ["2"])
        #expect(queue.next() == "c")
        #expect(queue.next() == "d")
    }

    @Test("A name that nobody waits for any more is not looked up")
    func cancelledWhileWaiting() {
        var queue = LookupQueue<String>(threadLimit: 1)
        _ = queue.add("1", for: "a")
        #expect(queue.next() == "a")
        let second = queue.add("2", for: "b").id
        let third = queue.add("3", for: "b").id
        _ = queue.add("4", for: "c")
        queue.cancel(second)
        queue.cancel(third)
        queue.cancel(third)
        #expect(queue.finished("a") == ["1"])
        #expect(queue.next() == "c")
        #expect(queue.add("5", for: "b").action == .wait, "the name is new again")
        #expect(queue.finished("c") == ["4"])
        #expect(queue.next() == "b")
        #expect(queue.finished("b") == ["5"])
    }

    @Test("A lookup under way goes on without those who left it, and serves those who come")
    func cancelledUnderWay() {
        var queue = LookupQueue<String>(threadLimit: 1)
        let first = queue.add("1", for: "a").id
        #expect(queue.next() == "a")
        queue.cancel(first)
        #expect(queue.add("2", for: "a").action == .wait)
        #expect(queue.finished("a") == ["2"])
        queue.cancel(first)
        #expect(queue.next() == nil)
    }

    @Test("Without any thread, everybody who waits is told, also those who came while it was being started")
    func noThread() {
        var queue = LookupQueue<String>(threadLimit: 1)
        #expect(queue.add("1", for: "a").action == .startThread)
        #expect(queue.add("2", for: "a").action == .wait)
        #expect(queue.add("3", for: "b").action == .wait)
        #expect(queue.threadDidNotStart() == ["1", "2", "3"])
        #expect(queue.threadCount == 0)
        #expect(queue.waitingNameCount == 0)
        #expect(queue.add("4", for: "b").action == .startThread)
        #expect(queue.next() == "b")
        #expect(queue.finished("b") == ["4"])
    }

    @Test("A thread that is there takes the name for which another could not be started")
    func anotherThread() {
        var queue = LookupQueue<String>(threadLimit: 2)
        #expect(queue.add("1", for: "a").action == .startThread)
        #expect(queue.next() == "a")
        #expect(queue.add("2", for: "b").action == .startThread)
        #expect(queue.threadDidNotStart() == [])
        #expect(queue.threadCount == 1)
        #expect(queue.finished("a") == ["1"])
        #expect(queue.next() == "b")
        #expect(queue.finished("b") == ["2"])
        #expect(queue.next() == nil)
        #expect(queue.threadCount == 0)
    }

    @Test("A name is held up while all threads are at others")
    func heldUp() {
        var queue = LookupQueue<String>(threadLimit: 1)
        let (first, _) = queue.add("1", for: "a")
        #expect(queue.isHeldUp(first), "its thread has not begun yet")
        #expect(queue.next() == "a")
        #expect(!queue.isHeldUp(first))
        let (second, _) = queue.add("2", for: "b")
        #expect(queue.isHeldUp(second))
        #expect(queue.finished("a") == ["1"])
        #expect(queue.next() == "b")
        #expect(!queue.isHeldUp(second))
        #expect(!queue.isHeldUp(first), "it has ended")
    }
}

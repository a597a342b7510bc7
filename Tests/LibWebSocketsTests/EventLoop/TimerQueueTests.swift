import Testing

@testable import LibWebSockets

@Suite struct TimerQueueTests {
    /// Deadlines are plain numbers here, and actions write their names down.
    private final class Diary {
        var entries: [String] = []
    }

    private var queue = TimerQueue<Int, () -> Void>()
    private let diary = Diary()

    private mutating func schedule(_ name: String, at deadline: Int) -> TimerQueue<Int, () -> Void>.ID {
        queue.schedule(at: deadline) { [diary] in diary.entries.append(name) }
    }

    private mutating func runDue(at now: Int) -> [String] {
        diary.entries = []
        while let action = queue.popDue(at: now) { action() }
        return diary.entries
    }

    @Test("An empty queue has no deadline and nothing due")
    mutating func empty() {
        #expect(queue.isEmpty)
        #expect(queue.nextDeadline() == nil)
        #expect(queue.popDue(at: .max) == nil)
    }

    @Test("Deadlines pass in their order, not in the order of scheduling")
    mutating func order() {
        for (name, deadline) in [("c", 30), ("a", 10), ("d", 40), ("b", 20)] { _ = schedule(name, at: deadline) }
        #expect(queue.nextDeadline() == 10)
        #expect(runDue(at: 9) == [])
        #expect(runDue(at: 10) == ["a"])
        #expect(queue.nextDeadline() == 20)
        #expect(runDue(at: 35) == ["b", "c"])
        #expect(runDue(at: .max) == ["d"])
        #expect(queue.isEmpty)
    }

    @Test("Equal deadlines pass in the order in which they were scheduled")
    mutating func equalDeadlines() {
        let names = (0..<100).map { "timer \($0)" }
        for name in names { _ = schedule(name, at: 7) }
        #expect(runDue(at: 7) == names)
    }

    @Test("A cancelled deadline neither runs nor counts as the next one")
    mutating func cancel() {
        let first = schedule("first", at: 1)
        _ = schedule("second", at: 2)
        queue.cancel(first)
        #expect(queue.nextDeadline() == 2)
        #expect(runDue(at: 5) == ["second"])
    }

    @Test("Cancelling what has passed or was cancelled before changes nothing, also for later deadlines")
    mutating func lateCancel() {
        let passed = schedule("passed", at: 1)
        #expect(runDue(at: 1) == ["passed"])
        queue.cancel(passed)
        queue.cancel(passed)
        let next = schedule("next", at: 1)
        #expect(next != passed)
        queue.cancel(passed)
        #expect(runDue(at: 1) == ["next"])
    }

    @Test("An action may schedule and cancel")
    mutating func reentrant() {
        let cancelled = schedule("cancelled", at: 3)
        _ = schedule("first", at: 1)
        queue.popDue(at: 1)?()
        queue.cancel(cancelled)
        _ = schedule("due at once", at: 0)
        _ = schedule("later", at: 4)
        #expect(diary.entries == ["first"])
        #expect(runDue(at: 3) == ["due at once"])
        #expect(queue.nextDeadline() == 4)
    }

    @Test("Cancelled deadlines do not pile up behind a distant one, and those left keep their order")
    mutating func compaction() throws {
        _ = schedule("distant", at: 1_000_000)
        // As connections do: a close deadline each, cancelled long before it passes.
        for round in 0..<10_000 {
            let id = schedule("short-lived \(round)", at: 500_000 + round)
            queue.cancel(id)
        }
        let survivors = (0..<200).map { "survivor \($0)" }
        for (index, name) in survivors.enumerated() { _ = schedule(name, at: 100 + index) }
        let stored = try #require(queue.storedEntryCount)
        #expect((201...(2 * 201 + 64)).contains(stored))
        #expect(runDue(at: 999_999) == survivors)
        #expect(queue.nextDeadline() == 1_000_000)
    }
}

extension TimerQueue {
    /// Entries of the heap, cancelled ones included: what a leak of them would make grow. Nothing shows it but a mirror.
    fileprivate var storedEntryCount: Int? {
        guard
            let heap = Mirror(reflecting: self).descendant("heap"),
            let storage = Mirror(reflecting: heap).descendant("_storage")
        else { return nil }
        return Mirror(reflecting: storage).children.count
    }
}

internal import HeapModule

/// Deadlines in the order in which they pass: a value, no clock inside.
///
/// A binary heap, with cancelled entries skipped when they come up. Connections hold a handful of deadlines each and
/// move them rarely, so the logarithm costs less than a tick that must run while anything is armed.
struct TimerQueue<Instant: Comparable> {
    /// Names one scheduled deadline; never used twice.
    struct ID: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct Entry: Comparable {
        let deadline: Instant
        let id: ID

        static func < (left: Entry, right: Entry) -> Bool {
            // Equal deadlines pass in the order in which they were scheduled.
            left.deadline == right.deadline
                ? left.id.number < right.id.number : left.deadline < right.deadline
        }

        static func == (left: Entry, right: Entry) -> Bool {
            left.id == right.id
        }
    }

    private var heap = Heap<Entry>()
    private var actions: [ID: () -> Void] = [:]
    private var lastNumber: UInt64 = 0

    var isEmpty: Bool { actions.isEmpty }

    mutating func schedule(at deadline: Instant, _ action: @escaping () -> Void) -> ID {
        lastNumber += 1
        let id = ID(number: lastNumber)
        heap.insert(Entry(deadline: deadline, id: id))
        actions[id] = action
        return id
    }

    /// Cancelling a deadline that has passed or was cancelled before does nothing.
    mutating func cancel(_ id: ID) {
        actions[id] = nil
        // Cancelled entries must not pile up behind a distant deadline.
        if heap.count > 64, heap.count > actions.count * 2 {
            let alive = heap.unordered.filter { actions[$0.id] != nil }
            heap = Heap(alive)
        }
    }

    /// The next deadline, `nil` when there is none.
    mutating func nextDeadline() -> Instant? {
        while let first = heap.min {
            if actions[first.id] != nil { return first.deadline }
            heap.removeMin()
        }
        return nil
    }

    /// Removes the earliest deadline that has passed and returns what to do; `nil` when none has.
    mutating func popDue(at now: Instant) -> (() -> Void)? {
        guard let deadline = nextDeadline(), deadline <= now else { return nil }
        return actions.removeValue(forKey: heap.removeMin().id)
    }
}

internal import HeapModule

/// Deadlines in the order in which they pass: a value, no clock inside.
///
/// A binary heap, with cancelled entries skipped when they come up. Connections hold a handful of deadlines each and
/// move them rarely, so the logarithm costs less than a tick that must run while anything is armed.
package struct TimerQueue<Instant: Comparable, Value> {
    /// Names one scheduled deadline; never used twice.
    package struct ID: Hashable, Sendable {
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
    private var values: [ID: Value] = [:]
    private var lastNumber: UInt64 = 0

    package init() {}

    package var isEmpty: Bool { values.isEmpty }

    package mutating func schedule(at deadline: Instant, _ value: Value) -> ID {
        lastNumber += 1
        let id = ID(number: lastNumber)
        heap.insert(Entry(deadline: deadline, id: id))
        values[id] = value
        return id
    }

    /// Cancelling a deadline that has passed or was cancelled before does nothing.
    package mutating func cancel(_ id: ID) {
        values[id] = nil
        // Cancelled entries must not pile up behind a distant deadline.
        if heap.count > 64, heap.count > values.count * 2 {
            let alive = heap.unordered.filter { values[$0.id] != nil }
            heap = Heap(alive)
        }
    }

    /// The next deadline, `nil` when there is none.
    package mutating func nextDeadline() -> Instant? {
        while let first = heap.min {
            if values[first.id] != nil { return first.deadline }
            heap.removeMin()
        }
        return nil
    }

    /// Removes the earliest deadline that has passed and returns its value; `nil` when none has.
    package mutating func popDue(at now: Instant) -> Value? {
        guard let deadline = nextDeadline(), deadline <= now else { return nil }
        return values.removeValue(forKey: heap.removeMin().id)
    }
}

/// The actions of a loop when its deadlines pass.
typealias LoopTimers = TimerQueue<ContinuousClock.Instant, () -> Void>

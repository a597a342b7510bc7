internal import Synchronization
internal import WebSocketService

/// A clock that stands still until a test moves it.
///
/// Time passes only in ``advance(by:)`` and its kin. A test waits for the code under test to go to sleep, instead of
/// sleeping itself and hoping:
///
/// ```swift
/// let clock = ManualClock()
/// async let result: Void = clock.sleep(for: .seconds(30))
/// try await clock.advanceToNextSleeper()
/// try await result                        // at once, and clock.now is 30 s later
/// ```
///
/// Where several tasks sleep, name the one you mean by the time it wakes up: after a connection was lost, its heartbeat
/// may still be asleep when the wait before the next attempt begins.
///
/// ```swift
/// peer.abort()
/// try await clock.advance(toSleeperIn: .seconds(1))   // the delay of the reconnect policy
/// ```
///
/// A manual clock counts up to 73 billion years. Time ends there: who sleeps beyond it sleeps until its task is cancelled.
public final class ManualClock: Clock, Sendable {
    /// A point in the time of a manual clock, counted from its creation.
    public struct Instant: InstantProtocol, CustomStringConvertible {
        /// The time by which the clock has been moved to get here.
        public let sinceStart: Duration

        /// The point that is reached when the clock was moved so far, at most up to the end of time, in either direction.
        public init(sinceStart: Duration) {
            self.sinceStart = sinceStart.boundedByTime
        }

        /// The point that is so much later, at most the end of time.
        public func advanced(by duration: Duration) -> Instant {
            Instant(sinceStart: sinceStart + duration.boundedByTime)
        }

        /// Returns the time from here to another point; negative for an earlier one.
        public func duration(to other: Instant) -> Duration {
            other.sinceStart - sinceStart
        }

        public static func < (lhs: Instant, rhs: Instant) -> Bool {
            lhs.sinceStart < rhs.sinceStart
        }

        public var description: String { "\(sinceStart) after the start" }

        static let endOfTime = Instant(sinceStart: .endOfTime)
    }

    private struct Sleeper {
        let deadline: Instant
        /// Among equal deadlines, who slept first wakes first.
        let number: UInt64
        let wakeUp: Completion<Void>
    }

    private struct Watcher {
        enum Condition: CustomStringConvertible {
            case count(Int)
            case deadline(Instant)

            var description: String {
                switch self {
                case .count(let count): count == 1 ? "a task sleeps" : "\(count) tasks sleep"
                case .deadline(let deadline): "a task sleeps that wakes up \(deadline)"
                }
            }
        }

        let condition: Condition
        let reached: Completion<Void>
    }

    private struct State {
        var now = Instant(sinceStart: .zero)
        var sleepers: [Sleeper] = []
        var watchers: [Watcher] = []
        var nextNumber: UInt64 = 0

        func isTrue(_ condition: Watcher.Condition) -> Bool {
            switch condition {
            case .count(let count): sleepers.count >= count
            case .deadline(let deadline): sleepers.contains { $0.deadline == deadline }
            }
        }

        /// Those who wake up when the clock is moved, the earliest first.
        mutating func takeDue(at instant: Instant) -> [Sleeper] {
            now = max(now, instant)
            let due = sleepers.filter { hasPassed($0.deadline) }
            sleepers = sleepers.filter { !hasPassed($0.deadline) }
            return due.sorted { ($0.deadline, $0.number) < ($1.deadline, $1.number) }
        }

        /// At the end of time a deadline never passes: waking up would make a loop spin that sleeps again.
        func hasPassed(_ deadline: Instant) -> Bool {
            deadline <= now && deadline != .endOfTime
        }

        mutating func takeSatisfiedWatchers() -> [Watcher] {
            let satisfied = watchers.filter { isTrue($0.condition) }
            guard !satisfied.isEmpty else { return [] }
            watchers = watchers.filter { !isTrue($0.condition) }
            return satisfied
        }
    }

    private let state = Lock(State())

    /// A clock at 0.
    public init() {}

    public var now: Instant {
        state.withLock(\.now)
    }

    public var minimumResolution: Duration { .zero }

    /// The number of tasks that are asleep.
    public var sleeperCount: Int {
        state.withLock(\.sleepers.count)
    }

    /// The time at which the next task wakes up; `nil` when none is asleep.
    public var nextDeadline: Instant? {
        state.withLock { $0.sleepers.map(\.deadline).min() }
    }

    /// Suspends until the clock has been moved to the deadline.
    ///
    /// - Throws: `CancellationError` at once when the task is cancelled.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        try Task.checkCancellation()
        let wakeUp = Completion<Void>()
        let (number, watchers) = state.withLock { state -> (UInt64?, [Watcher]) in
            guard !state.hasPassed(deadline) else { return (nil, []) }
            state.nextNumber += 1
            state.sleepers.append(Sleeper(deadline: deadline, number: state.nextNumber, wakeUp: wakeUp))
            return (state.nextNumber, state.takeSatisfiedWatchers())
        }
        guard let number else { return }
        for watcher in watchers { watcher.reached.succeed() }
        defer { state.withLock { $0.sleepers.removeAll { $0.number == number } } }
        try await wakeUp.value()
    }

    /// Moves the clock forward and wakes the tasks whose deadlines it reaches, the earliest first.
    ///
    /// A negative duration does nothing.
    public func advance(by duration: Duration) {
        advance(to: now.advanced(by: duration))
    }

    /// Moves the clock to an instant, never backwards, and wakes the tasks whose deadlines it reaches, the earliest first.
    public func advance(to instant: Instant) {
        for sleeper in state.withLock({ $0.takeDue(at: instant) }) { sleeper.wakeUp.succeed() }
    }

    /// Waits, in real time, until so many tasks are asleep, whichever they are; for none or less, not at all.
    ///
    /// - Parameters:
    ///   - count: The number of tasks.
    ///   - limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    public func waitForSleepers(_ count: Int = 1, within limit: Duration? = nil) async throws {
        try await wait(until: .count(count), within: limit)
    }

    /// Waits, in real time, until a task is asleep that wakes up at exactly this point.
    ///
    /// - Parameters:
    ///   - deadline: The point at which it wakes up.
    ///   - limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    public func waitForSleeper(until deadline: Instant, within limit: Duration? = nil) async throws {
        try await wait(until: .deadline(deadline), within: limit)
    }

    /// Waits until a task is asleep that wakes up in exactly so long from now, then moves the clock there.
    ///
    /// This takes the sleeper that is meant, by its deadline, where ``advanceToNextSleeper(within:)`` takes whichever is
    /// first and asleep already. Tasks whose deadlines come before wake up too.
    ///
    /// - Parameters:
    ///   - duration: The time from now to its end of sleep, in the clock's time.
    ///   - limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    public func advance(toSleeperIn duration: Duration, within limit: Duration? = nil) async throws {
        let deadline = now.advanced(by: duration)
        try await waitForSleeper(until: deadline, within: limit)
        advance(to: deadline)
    }

    private func wait(until condition: Watcher.Condition, within limit: Duration?) async throws {
        let reached = Completion<Void>()
        let isReached = state.withLock { state in
            guard !state.isTrue(condition) else { return true }
            state.watchers.append(Watcher(condition: condition, reached: reached))
            return false
        }
        guard !isReached else { return }
        defer { state.withLock { $0.watchers.removeAll { $0.reached === reached } } }
        try await reached.value(within: limit) { "until \(condition); \(self.sleepersInWords)" }
    }

    private var sleepersInWords: String {
        let (now, deadlines) = state.withLock { ($0.now, $0.sleepers.map(\.deadline).sorted()) }
        let others = WaitTimedOut.list(deadlines.map { now.duration(to: $0) })
        return "the clock stands at \(now), and those asleep wake up in so long from there: \(others)"
    }

    /// Waits until a task is asleep, then moves the clock to the earliest deadline. The task that it takes depends on luck
    /// where more than one may be about to sleep: use ``advance(toSleeperIn:within:)``.
    ///
    /// - Parameter limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Returns: The time by which the clock was moved.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    @discardableResult
    public func advanceToNextSleeper(within limit: Duration? = nil) async throws -> Duration {
        while true {
            try await waitForSleepers(within: limit)
            // Another task may have woken the only sleeper meanwhile.
            guard let deadline = nextDeadline else { continue }
            let distance = now.duration(to: deadline)
            advance(to: deadline)
            return distance
        }
    }
}

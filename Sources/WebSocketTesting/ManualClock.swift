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
public final class ManualClock: Clock, Sendable {
    /// A point in the time of a manual clock, counted from its creation.
    public struct Instant: InstantProtocol, CustomStringConvertible {
        /// How far the clock had been moved by then.
        public let sinceStart: Duration

        /// The point that is reached when the clock was moved so far.
        public init(sinceStart: Duration) {
            self.sinceStart = sinceStart
        }

        public func advanced(by duration: Duration) -> Instant {
            Instant(sinceStart: sinceStart + duration)
        }

        public func duration(to other: Instant) -> Duration {
            other.sinceStart - sinceStart
        }

        public static func < (lhs: Instant, rhs: Instant) -> Bool {
            lhs.sinceStart < rhs.sinceStart
        }

        public var description: String { "\(sinceStart) after the start" }
    }

    private struct Sleeper {
        let deadline: Instant
        /// Among equal deadlines, who slept first wakes first.
        let number: UInt64
        let wakeUp: Completion<Void>
    }

    private struct Watcher {
        let count: Int
        let reached: Completion<Void>
    }

    private struct State {
        var now = Instant(sinceStart: .zero)
        var sleepers: [Sleeper] = []
        var watchers: [Watcher] = []
        var nextNumber: UInt64 = 0

        mutating func takeSatisfiedWatchers() -> [Watcher] {
            let satisfied = watchers.filter { $0.count <= sleepers.count }
            watchers.removeAll { $0.count <= sleepers.count }
            return satisfied
        }
    }

    private let state = Mutex(State())

    /// A clock at 0.
    public init() {}

    public var now: Instant {
        state.withLock(\.now)
    }

    public var minimumResolution: Duration { .zero }

    /// How many tasks are asleep.
    public var sleeperCount: Int {
        state.withLock(\.sleepers.count)
    }

    /// When the next task wakes up; `nil` when none is asleep.
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
            guard deadline > state.now else { return (nil, []) }
            state.nextNumber += 1
            state.sleepers.append(Sleeper(deadline: deadline, number: state.nextNumber, wakeUp: wakeUp))
            return (state.nextNumber, state.takeSatisfiedWatchers())
        }
        guard let number else { return }
        for watcher in watchers { watcher.reached.succeed() }
        defer { state.withLock { $0.sleepers.removeAll { $0.number == number } } }
        try await wakeUp.value()
    }

    /// Moves the clock and wakes every task whose deadline that reaches, the earliest first.
    public func advance(by duration: Duration) {
        advance(to: now.advanced(by: duration))
    }

    /// Moves the clock, never backwards, and wakes every task whose deadline that reaches, the earliest first.
    public func advance(to instant: Instant) {
        let due = state.withLock { state -> [Sleeper] in
            state.now = max(state.now, instant)
            let due = state.sleepers.filter { $0.deadline <= state.now }
            state.sleepers.removeAll { $0.deadline <= state.now }
            return due.sorted { ($0.deadline, $0.number) < ($1.deadline, $1.number) }
        }
        for sleeper in due { sleeper.wakeUp.succeed() }
    }

    /// Waits, in real time, until so many tasks are asleep.
    ///
    /// - Throws: `CancellationError` when the waiting task is cancelled.
    public func waitForSleepers(_ count: Int = 1) async throws {
        let reached = Completion<Void>()
        let isReached = state.withLock { state in
            guard state.sleepers.count < count else { return true }
            state.watchers.append(Watcher(count: count, reached: reached))
            return false
        }
        guard !isReached else { return }
        defer { state.withLock { $0.watchers.removeAll { $0.reached === reached } } }
        try await reached.value()
    }

    /// Waits until a task is asleep, then moves the clock to the earliest deadline.
    ///
    /// - Returns: How far the clock was moved.
    /// - Throws: `CancellationError` when the waiting task is cancelled.
    @discardableResult
    public func advanceToNextSleeper() async throws -> Duration {
        while true {
            try await waitForSleepers()
            // Another task may have woken the only sleeper meanwhile.
            guard let deadline = nextDeadline else { continue }
            let distance = now.duration(to: deadline)
            advance(to: deadline)
            return distance
        }
    }
}

internal import Synchronization
internal import LibWebSockets

/// Many sleeps of which the clock knows only the earliest.
///
/// Swift's runtime keeps a sleep that was cancelled until it would have ended. A busy service begins one for each request
/// and each message that may expire, and cancels nearly all: they would pile up for as long as their deadlines lie ahead.
final class SharedSleep: Sendable {
    private struct State {
        var sleepers = TimerQueue<Duration, Completion<Void>>()
        /// The alarms that have not rung, the earliest last: one is added only when it is earlier than all others.
        var alarms: [Duration] = []

        /// The alarm that has to be set, if none rings early enough.
        mutating func takeNewAlarm() -> Duration? {
            guard let next = sleepers.nextDeadline(), alarms.last.map({ next < $0 }) ?? true else { return nil }
            alarms.append(next)
            return next
        }
    }

    private let state = Lock(State())
    private let taskExecutor: (any TaskExecutor)?
    private let currentOffset: @Sendable () -> Duration
    private let sleepUntil: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - taskExecutor: Runs the tasks that sleep on the clock; `nil` for Swift's own.
    ///   - currentOffset: Returns the time that the clock shows.
    ///   - sleepUntil: Sleeps on the clock.
    init(
        taskExecutor: (any TaskExecutor)?, currentOffset: @escaping @Sendable () -> Duration,
        sleepUntil: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.taskExecutor = taskExecutor
        self.currentOffset = currentOffset
        self.sleepUntil = sleepUntil
    }

    /// Suspends until the clock shows this or more.
    ///
    /// - Throws: `CancellationError`, at once, when the task is cancelled.
    func sleep(until deadline: Duration) async throws {
        try Task.checkCancellation()
        let passed = Completion<Void>()
        let (sleeper, alarm) = state.withLock { state in
            (state.sleepers.schedule(at: deadline, passed), state.takeNewAlarm())
        }
        if let alarm { set(alarm) }
        do {
            try await passed.value()
        } catch {
            state.withLock { $0.sleepers.cancel(sleeper) }
            throw error
        }
    }

    /// Nothing cancels an alarm, since the clock would keep it all the same: it rings in vain when nobody sleeps any more.
    private func set(_ alarm: Duration) {
        Task.detached(executorPreference: taskExecutor) { [weak self, sleepUntil] in
            // Only a cancelled task's sleep ends early, and nothing cancels this one.
            try? await sleepUntil(alarm)
            self?.ring(alarm)
        }
    }

    private func ring(_ alarm: Duration) {
        let now = currentOffset()
        let (passed, next) = state.withLock { state in
            state.alarms.removeAll { $0 == alarm }
            var passed: [Completion<Void>] = []
            while let sleeper = state.sleepers.popDue(at: now) { passed.append(sleeper) }
            return (passed, state.takeNewAlarm())
        }
        if let next { set(next) }
        for sleeper in passed { sleeper.succeed() }
    }
}

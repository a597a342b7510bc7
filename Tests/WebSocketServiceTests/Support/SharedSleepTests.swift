import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite(.timeLimit(.minutes(10))) struct SharedSleepTests {
    private let clock = ManualClock()
    private let executor = TestExecutor()

    private func makeSharedSleep() -> SharedSleep {
        let start = clock.now
        return SharedSleep(
            taskExecutor: executor, currentOffset: { [clock] in start.duration(to: clock.now) },
            sleepUntil: { [clock] in try await clock.sleep(until: start.advanced(by: $0)) })
    }

    private func sleeper(_ shared: SharedSleep, until deadline: Duration) -> Task<Void, any Error> {
        Task(executorPreference: executor) { try await shared.sleep(until: deadline) }
    }

    @Test("Sleeps that were cancelled leave one alarm with the clock, and none when it has rung")
    func cancelledSleepsLeaveNothingWithTheClock() async throws {
        let shared = makeSharedSleep()
        for second in 1...1_000 {
            let task = sleeper(shared, until: .seconds(second))
            try await executor.untilQuiet()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(clock.sleeperCount == 1)
        clock.advance(by: .seconds(2_000))
        try await executor.untilQuiet()
        #expect(clock.sleeperCount == 0, "the alarm has rung in vain")
    }

    @Test("Every sleep ends at its deadline") func everySleepEndsAtItsDeadline() async throws {
        let shared = makeSharedSleep()
        let deadlines = [30, 10, 20, 10, 40].map(Duration.seconds)
        var tasks: [Task<Void, any Error>] = []
        for deadline in deadlines {
            tasks.append(sleeper(shared, until: deadline))
            try await executor.untilQuiet()
        }
        #expect(clock.sleeperCount == 2, "30 s, then 10 s, which is earlier")
        let ended = Recorder<Int>()
        for (index, task) in tasks.enumerated() {
            Task(executorPreference: executor) {
                try await task.value
                ended.add(index)
            }
        }
        for (time, expected) in [(9, []), (10, [1, 3]), (20, [1, 2, 3]), (30, [0, 1, 2, 3]), (40, [0, 1, 2, 3, 4])] {
            clock.advance(to: clock.now.advanced(by: .seconds(time) - clock.now.sinceStart))
            try await executor.untilQuiet()
            #expect(ended.all.sorted() == expected, "at \(time) s")
        }
        #expect(clock.sleeperCount == 0)
    }

    @Test("A distant alarm is set once, however often closer ones ring")
    func aDistantAlarmIsSetOnceHoweverOftenCloserOnesRing() async throws {
        let shared = makeSharedSleep()
        let distant = sleeper(shared, until: .seconds(1_000))
        try await executor.untilQuiet()
        for second in 1...100 {
            let task = sleeper(shared, until: .seconds(second))
            try await executor.untilQuiet()
            #expect(clock.sleeperCount == 2)
            clock.advance(by: .seconds(1))
            try await task.value
            try await executor.untilQuiet()
            #expect(clock.sleeperCount == 1)
        }
        distant.cancel()
    }

    @Test("A sleep that is over or cancelled ends at once") func aSleepThatIsOverOrCancelledEndsAtOnce() async throws {
        let shared = makeSharedSleep()
        try await shared.sleep(until: .zero)
        let cancelled = Task(executorPreference: executor) {
            withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await shared.sleep(until: .seconds(1))
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
    }

    @Test("An alarm does not keep its owner alive") func anAlarmDoesNotKeepItsOwner() async throws {
        weak var gone: SharedSleep?
        do {
            let shared = makeSharedSleep()
            gone = shared
            let task = sleeper(shared, until: .seconds(1))
            try await executor.untilQuiet()
            task.cancel()
            _ = await task.result
        }
        try await executor.untilQuiet()
        #expect(gone == nil)
        #expect(clock.sleeperCount == 1)
        clock.advance(by: .seconds(1))
        try await executor.untilQuiet()
    }
}

import TestSupport
import Testing
import WebSocketTesting

@Suite(.timeLimit(.minutes(10))) struct TestExecutorTests {
    private let executor = TestExecutor()

    @Test("It is quiet when every task has ended or waits for something from outside")
    func quiet() async throws {
        try await executor.untilQuiet()
        let clock = ManualClock()
        let steps = Counter()
        let task = Task(executorPreference: executor) {
            for _ in 0..<1_000 {
                await Task.yield()
                steps.increment()
            }
            try await clock.sleep(for: .seconds(1))
            // As far as it goes by itself, also through tasks of its own.
            await withTaskGroup { group in
                for _ in 0..<10 { group.addTask { await Task.yield() } }
            }
            steps.increment()
        }
        try await executor.untilQuiet()
        #expect(steps.value == 1_000)
        #expect(clock.sleeperCount == 1, "asleep, not on the way there")
        clock.advance(by: .milliseconds(999))
        try await executor.untilQuiet()
        #expect(steps.value == 1_000)
        clock.advance(by: .milliseconds(1))
        try await executor.untilQuiet()
        #expect(steps.value == 1_001)
        try await task.value
    }

    @Test("A task on the executor may wait for the others")
    func fromInside() async throws {
        let executor = executor
        let count = Counter()
        try await Task(executorPreference: executor) {
            for _ in 0..<10 {
                Task(executorPreference: executor) {
                    await Task.yield()
                    count.increment()
                }
            }
            try await executor.untilQuiet()
            #expect(count.value == 10)
        }.value
    }

    @Test("One job runs at a time")
    func oneAtATime() async throws {
        let (running, overlaps) = (Counter(), Counter())
        for _ in 0..<50 {
            Task(executorPreference: executor) {
                for _ in 0..<20 {
                    if running.increment() > 1 { overlaps.increment() }
                    running.increment(by: -1)
                    await Task.yield()
                }
            }
        }
        try await executor.untilQuiet()
        #expect(overlaps.value == 0)
    }

    @Test("Waiting for quiet can be cancelled")
    func cancelled() async throws {
        let executor = executor
        let release = Counter()
        Task(executorPreference: executor) { while release.value == 0 { await Task.yield() } }
        let waiting = Task { try await executor.untilQuiet() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        release.increment()
        try await executor.untilQuiet()
    }
}

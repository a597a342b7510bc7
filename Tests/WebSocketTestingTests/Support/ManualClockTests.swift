import Synchronization
import Testing
import WebSocketTesting

@Suite(.timeLimit(.minutes(10))) struct ManualClockTests {
    private let clock = ManualClock()

    @Test("Time passes only when it is moved, and not backwards") func timePassesOnlyWhenItIsMoved() {
        let start = clock.now
        #expect(start.sinceStart == .zero)
        clock.advance(by: .seconds(5))
        #expect(start.duration(to: clock.now) == .seconds(5))
        clock.advance(to: start)
        #expect(clock.now.sinceStart == .seconds(5), "time does not run backwards")
    }

    @Test("A sleeper wakes at its deadline and not before") func aSleeperWakesAtItsDeadlineAndNotBefore() async throws {
        let clock = clock
        let woke = Lock(false)
        let sleeper = Task {
            try await clock.sleep(for: .seconds(10))
            woke.withLock { $0 = true }
        }
        try await clock.waitForSleepers()
        clock.advance(by: .milliseconds(9_999))
        #expect(clock.sleeperCount == 1)
        #expect(clock.nextDeadline == .init(sinceStart: .seconds(10)))
        clock.advance(by: .milliseconds(1))
        #expect(clock.sleeperCount == 0)
        try await sleeper.value
        #expect(woke.withLock { $0 })
    }

    @Test("A deadline that has passed is no sleep") func aDeadlineInThePastIsNoSleep() async throws {
        clock.advance(by: .seconds(3))
        try await clock.sleep(until: .init(sinceStart: .seconds(3)))
        try await clock.sleep(until: .init(sinceStart: .seconds(1)))
        #expect(clock.sleeperCount == 0)
    }

    @Test("Advancing to the next sleeper takes them in the order of their deadlines")
    func advancingToTheNextSleeperTakesThemInOrderOfTheirDeadlines() async throws {
        let clock = clock
        let sleepers = [3, 1, 2].map { seconds in Task { try await clock.sleep(for: .seconds(seconds)) } }
        try await clock.waitForSleepers(3)
        for _ in 1...3 { #expect(try await clock.advanceToNextSleeper() == .seconds(1)) }
        for sleeper in sleepers { try await sleeper.value }
        #expect(clock.now.sinceStart == .seconds(3))
    }

    @Test("Advancing to the next sleeper waits for one") func advancingToTheNextSleeperWaitsForOne() async throws {
        let clock = clock
        let moved = Task { try await clock.advanceToNextSleeper() }
        try await clock.sleep(for: .seconds(7))
        #expect(try await moved.value == .seconds(7))
    }

    @Test("Cancelling a sleeper ends its sleep") func cancellingASleeperEndsItsSleep() async throws {
        let clock = clock
        let sleeper = Task { try await clock.sleep(for: .seconds(10)) }
        try await clock.waitForSleepers()
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        #expect(clock.sleeperCount == 0)
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await clock.sleep(for: .seconds(10))
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(clock.sleeperCount == 0)
    }

    @Test("Cancelling who waits for sleepers ends the wait", arguments: 0..<3)
    func cancellingAWatcherEndsItsWait(which: Int) async throws {
        let clock = clock
        let watcher = Task {
            switch which {
            case 0: try await clock.waitForSleepers(2)
            case 1: try await clock.waitForSleeper(until: clock.now)
            default: try await clock.advance(toSleeperIn: .seconds(1))
            }
        }
        watcher.cancel()
        await #expect(throws: CancellationError.self) { try await watcher.value }
        #expect(clock.now.sinceStart == .zero)
    }

    @Test("The sleeper that is meant is waited for, whoever sleeps already")
    func theSleeperThatIsMeant() async throws {
        let clock = clock
        let others = [5, 60].map { seconds in Task { try await clock.sleep(for: .seconds(seconds)) } }
        try await clock.waitForSleepers(2)
        let moved = Task { try await clock.advance(toSleeperIn: .seconds(30)) }
        let meant = Task { try await clock.sleep(for: .seconds(30)) }
        try await moved.value
        #expect(clock.now.sinceStart == .seconds(30))
        try await meant.value
        try await others[0].value
        #expect(clock.sleeperCount == 1, "whose time has not come sleeps on")
        try await clock.waitForSleeper(until: .init(sinceStart: .seconds(60)))
        others[1].cancel()
        await #expect(throws: CancellationError.self) { try await others[1].value }
    }

    @Test("A wait for no sleeper ends at once") func noSleeperIsNoWait() async throws {
        for count in [0, -1, .min] { try await clock.waitForSleepers(count) }
    }
}

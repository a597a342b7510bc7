import TestSupport
import Testing

@testable import LibWebSockets

@Suite(.hangs) struct SocketLoopDeadlineTests {
    @Test("Deadlines pass in their order, on a loop that has nothing else to do", arguments: SocketLoop.testBackends)
    func timers(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        // Many short ones in a row: each is a chance to sleep through it.
        for round in 0..<50 {
            let passed = Collector<Int>()
            let done = Relay<Void>()
            try loop.submit { core in
                for microseconds in [500 + round * 7, 1_000, 2_000, 3_000] {
                    _ = core.schedule(after: .microseconds(microseconds)) { passed.add(microseconds) }
                }
                _ = core.schedule(after: .microseconds(3_100)) { done.give(()) }
            }
            try await done.take()
            #expect(passed.all == [500 + round * 7, 1_000, 2_000, 3_000])
        }
        await loop.shutDown()
    }

    @Test("A deadline never passes early", arguments: SocketLoop.testBackends)
    func notEarly(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        for microseconds in [1, 500, 999, 1_000, 1_001, 2_500, 4_999] {
            let waited: Duration = try await withCheckedThrowingContinuation { continuation in
                do {
                    try loop.submit { core in
                        let start = ContinuousClock.now
                        _ = core.schedule(after: .microseconds(microseconds)) {
                            continuation.resume(returning: start.duration(to: .now))
                        }
                    }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
            #expect(waited >= .microseconds(microseconds))
        }
        await loop.shutDown()
    }

    @Test(
        "A cancelled deadline does not pass, and one that comes after a distant one passes in its own time",
        arguments: SocketLoop.testBackends)
    func cancelledTimer(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let passed = Collector<String>()
        let done = Relay<Void>()
        try loop.submit { core in
            let cancelled = core.schedule(after: .milliseconds(1)) { passed.add("cancelled") }
            _ = core.schedule(after: .seconds(86_400)) { passed.add("distant") }
            core.cancel(cancelled)
        }
        try loop.submit { core in
            _ = core.schedule(after: .milliseconds(5)) { done.give(()) }
        }
        try await done.take()
        #expect(passed.all == [])
        await loop.shutDown()
    }

    @Test("Deadlines that are centuries away neither pass nor overflow", arguments: SocketLoop.testBackends)
    func distantTimers(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let passed = Counter()
        try await loop.run { core in
            for delay in [Duration.seconds(86_400 * 365 * 500), .seconds(Int64.max / 4)] {
                _ = core.schedule(after: delay) { passed.increment() }
            }
        }
        // Several turns with the distant alarm set.
        for _ in 0..<10 {
            let done = Relay<Void>()
            try loop.submit { core in _ = core.schedule(after: .milliseconds(1)) { done.give(()) } }
            try await done.take()
        }
        #expect(passed.value == 0)
        await loop.shutDown()
    }

    @Test("A deadline may schedule the next one", arguments: SocketLoop.testBackends)
    func repeatingTimer(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let done = Relay<Int>()
        try loop.submit { core in
            @Sendable func tick(_ core: LoopCore, _ number: Int) {
                guard number < 20 else { return done.give(number) }
                _ = core.schedule(after: .microseconds(300)) { tick(core, number + 1) }
            }
            tick(core, 0)
        }
        #expect(try await done.take() == 20)
        await loop.shutDown()
    }
}

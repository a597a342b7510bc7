import Dispatch
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite(.timeLimit(.minutes(10))) struct MessageHandoffTests {
    @Test("Finishing a handoff completes who offers and who waits")
    func endingCompletesWhoeverOffersAndWhoeverWaits() async throws {
        let handoff = MessageHandoff()
        let offering = Task { try await handoff.offer(.text("a")) }
        #expect(await handoff.next() == .text("a"))
        #expect(try await offering.value)
        let late = Task { try await handoff.offer(.text("b")) }
        await until { handoff.isOffering }
        handoff.finish()
        #expect(try await !late.value, "nobody has taken it")
        #expect(await handoff.next() == nil)
        #expect(try await !handoff.offer(.text("c")))

        let wanted = MessageHandoff()
        let waiting = Task { await wanted.next() }
        await until { wanted.isWanted }
        wanted.finish()
        #expect(await waiting.value == nil)
    }

    @Test("A loop is a caller only while it handles a message") func aLoopThatAsksOrHasEndedIsNoCaller() async throws {
        let (handoff, tasks) = (MessageHandoff(), Recorder<CurrentTask>())
        let loop = Task {
            tasks.add(try #require(CurrentTask()))
            return await handoff.next()
        }
        let consumer = try await tasks.next()
        await until { handoff.isWanted }
        #expect(!handoff.isConsumed(by: consumer), "it waits, and calls nobody")
        #expect(try await handoff.offer(.text("a")))
        #expect(handoff.isConsumed(by: consumer))
        #expect(try await loop.value == .text("a"))
        handoff.finish()
        #expect(!handoff.isConsumed(by: consumer))
    }

    @Test("A loop that is cancelled as a message comes has not taken it")
    func aLoopThatIsCancelledAsAMessageComes() async throws {
        let (handoff, executor) = (MessageHandoff(), TestExecutor())
        let loop = Task(executorPreference: executor) { await handoff.next() }
        try await executor.untilQuiet()
        #expect(handoff.isWanted)
        // It is cancelled, and cannot run to end the loop itself.
        let (blocked, unblock) = (Completion<Void>(), DispatchSemaphore(value: 0))
        Task(executorPreference: executor) {
            blocked.succeed()
            unblock.wait()
        }
        try await blocked.value()
        loop.cancel()
        let isTaken = try await handoff.offer(.text("a"))
        #expect(!isTaken)
        #expect(!handoff.isHolding)
        unblock.signal()
        #expect(await loop.value == nil)
        #expect(try await !handoff.offer(.text("b")))
    }

    @Test("Of two that ask at a time, as copies of one iterator do, the earlier one ends")
    func twoThatAsk() async throws {
        let (handoff, executor) = (MessageHandoff(), TestExecutor())
        let earlier = Task(executorPreference: executor) { await handoff.next() }
        try await executor.untilQuiet()
        let later = Task(executorPreference: executor) { await handoff.next() }
        try await executor.untilQuiet()
        #expect(try await handoff.offer(.text("a")))
        #expect(await earlier.value == nil)
        #expect(await later.value == .text("a"))
    }
}

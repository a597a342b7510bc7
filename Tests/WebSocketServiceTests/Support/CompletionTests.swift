import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite(.timeLimit(.minutes(10))) struct CompletionTests {
    private struct Failure: Error {}

    @Test("The first result counts") func theFirstResultCounts() async throws {
        let completion = Completion<Int>()
        #expect(!completion.isComplete)
        #expect(completion.succeed(1))
        #expect(!completion.succeed(2))
        #expect(!completion.fail(Failure()))
        #expect(completion.isComplete)
        #expect(try await completion.value() == 1)
    }

    @Test("Who waits gets a later result") func aWaiterGetsALaterResult() async throws {
        let completion = Completion<Int>()
        let executor = TestExecutor()
        let waiter = Task(executorPreference: executor) { try await completion.value() }
        try await executor.untilQuiet()
        completion.fail(Failure())
        await #expect(throws: Failure.self) { try await waiter.value }
    }

    @Test("Cancelling who waits is a result") func cancellingTheWaiterIsAResult() async throws {
        let completion = Completion<Int>()
        let waiter = Task { try await completion.value() }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        #expect(!completion.succeed(1), "nobody is there to take it")
    }

    @Test("Of many results that race, one wins") func manyRaceAndOneWins() async throws {
        for _ in 0..<200 {
            let completion = Completion<Int>()
            async let value = completion.value()
            let winners = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<4 { group.addTask { completion.succeed(number) } }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(winners == 1)
            _ = try await value
        }
    }
}

import Testing

@testable import WebSocketService

@Suite(.timeLimit(.minutes(10))) struct InboxTests {
    private let inbox = Inbox()

    private func messages(_ count: Int) -> Inbox.Item {
        .messages(Array(repeating: .text("x"), count: count))
    }

    @Test func whoeverAppendsToAnInboxThatNobodyTakesFromMustSeeToIt() {
        #expect(inbox.append(messages(1)))
        #expect(!inbox.append(messages(1)), "somebody is at it")
        #expect(inbox.next() != nil)
        #expect(inbox.next() != nil)
        #expect(!inbox.append(messages(1)), "still at it, until it has found nothing")
        #expect(inbox.next() != nil)
        #expect(inbox.next() == nil)
        #expect(inbox.append(messages(1)))
    }

    @Test func readingWaitsUntilEverythingWasHandled() async throws {
        try await inbox.waitUntilReadable()
        _ = inbox.append(messages(1))
        _ = inbox.next()
        let reading = Task { [inbox] in try await inbox.waitUntilReadable() }
        let idling = Task { [inbox] in try await inbox.waitUntilIdle() }
        for _ in 0..<100 { await Task.yield() }
        _ = inbox.next()
        try await reading.value
        try await idling.value
        try await inbox.waitUntilIdle()
    }

    @Test func aLateReaderOfAnOldConnectionTakesNobodysTurn() async throws {
        _ = inbox.append(messages(1))
        _ = inbox.next()
        let current = Task { [inbox] in try await inbox.waitUntilReadable() }
        for _ in 0..<100 { await Task.yield() }
        let late = Task { [inbox] in
            withUnsafeCurrentTask { $0?.cancel() }
            try await inbox.waitUntilReadable()
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        _ = inbox.next()
        try await current.value
    }

    @Test func anExpectedReplyLetsReadingGoOnUpToTheLimit() async throws {
        _ = inbox.append(messages(1))
        _ = inbox.next()
        let reading = Task { [inbox] in try await inbox.waitUntilReadable() }
        for _ in 0..<100 { await Task.yield() }
        inbox.expectReply()
        try await reading.value
        _ = inbox.append(messages(Inbox.readAheadLimit - 1))
        try await inbox.waitUntilReadable()
        _ = inbox.append(messages(1))
        let blocked = Task { [inbox] in try await inbox.waitUntilReadable() }
        for _ in 0..<100 { await Task.yield() }
        blocked.cancel()
        await #expect(throws: CancellationError.self) { try await blocked.value }
        inbox.endExpectingReply()
        #expect(!inbox.expectsReplies)
    }

    @Test func stoppingForgetsMessagesAndCountsThem() {
        _ = inbox.append(messages(3))
        _ = inbox.append(.failed(.stopped))
        inbox.stop()
        #expect(!inbox.append(messages(2)))
        inbox.leaveUndelivered(4)
        #expect(inbox.undeliveredCount == 9)
        guard case .failed = inbox.next() else {
            Issue.record("what is no message stays")
            return
        }
        #expect(inbox.next() == nil)
    }
}

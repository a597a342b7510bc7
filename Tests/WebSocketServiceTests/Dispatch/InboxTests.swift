import Testing

@testable import WebSocketService

@Suite struct InboxTests {
    private var inbox = Inbox(limits: Inbox.Limits(messages: 3, bytes: 1_000))

    private func texts(_ texts: String...) -> [WebSocketMessage] { texts.map { .text($0) } }

    /// Everything that can be taken now, in one word each.
    private mutating func takeAll() -> [String] {
        var names: [String] = []
        while inbox.hasNext, let item = inbox.next() {
            switch item {
            case .opened: names.append("open")
            case .messages(let messages): names += messages.compactMap(\.text)
            case .closed: names.append("close")
            case .failed(let error): names.append("\(error.code)")
            }
        }
        #expect(inbox.next() == nil, "`hasNext` is right")
        return names
    }

    private func opened(_ generation: UInt64) -> Inbox.Item {
        .opened(
            OpenContext(handshake: HandshakeResponse(headers: [:], subprotocol: nil), url: "", isReconnect: false),
            Inbox.Greeting(generation: generation, finished: { _ in }))
    }

    private let closed = Inbox.Item.closed(.failed(.heartbeatTimeout(unanswered: 1)))

    @Test("All of a connection comes before anything of the next")
    mutating func allOfAConnectionComesBeforeAnythingOfTheNext() {
        inbox.begin(1, opened(1))
        inbox.append(texts("1a"), from: 1)
        inbox.end(1, with: [closed])
        inbox.begin(2, opened(2))
        inbox.append(texts("2a"), from: 2)
        #expect(takeAll() == ["open", "1a"], "the first one may have more")
        inbox.append(texts("1b"), from: 1)
        inbox.append(.failed(.stopped))
        #expect(takeAll() == ["1b"])
        inbox.endReading(1)
        #expect(takeAll() == ["close", "open", "2a", "stopped"])
        inbox.end(2, with: [closed])
        inbox.append(.failed(.queueFull))
        inbox.endReading(2)
        #expect(takeAll() == ["close", "queueFull"])
        #expect(inbox.isIdle)
    }

    @Test("Notices without a connection are taken at once") mutating func noticesWithoutAConnectionAreTakenAtOnce() {
        inbox.append(.failed(.stopped))
        #expect(!inbox.isIdle)
        #expect(takeAll() == ["stopped"])
        #expect(inbox.isIdle)
        inbox.begin(1, nil)
        #expect(!inbox.isIdle, "somebody reads")
    }

    @Test("Reading pauses at the limit on messages, unless a handler waits")
    mutating func readingPausesAtTheLimitOnMessages() {
        inbox.begin(1, nil)
        inbox.append(texts("a", "b"), from: 1)
        #expect(inbox.mayRead(1))
        inbox.append(texts("c", "d"), from: 1)
        #expect(!inbox.mayRead(1))
        inbox.beginHandlerWait()
        #expect(inbox.mayRead(1), "a handler waits for what comes after them")
        inbox.endHandlerWait()
        _ = inbox.next()
        #expect(inbox.mayRead(1))
    }

    @Test("Reading pauses at the limit on memory, even where a handler waits")
    mutating func readingPausesAtTheLimitOnMemoryWhoeverWaits() {
        inbox.begin(1, nil)
        inbox.beginHandlerWait()
        // Empty messages take memory too.
        let empty = Inbox.memory(of: [.binary([])])
        #expect(empty > 0)
        for _ in 0..<(999 / empty + 1) {
            #expect(inbox.mayRead(1))
            inbox.append([.binary([])], from: 1)
        }
        #expect(!inbox.mayRead(1))
        #expect(!inbox.hasRoomInBytes)
        _ = inbox.next()
        #expect(!inbox.mayRead(1), "what a handler is called with still takes memory")
        inbox.finishTaken()
        #expect(inbox.mayRead(1))
    }

    @Test("The connection whose turn it is may come to its end though another fills the inbox")
    mutating func theConnectionWhoseTurnItIsMayComeToItsEndThoughAnotherFillsTheInbox() {
        inbox.begin(1, nil)
        inbox.begin(2, nil)
        inbox.append(texts("a", "b", "c"), from: 2)
        #expect(!inbox.mayRead(2))
        #expect(inbox.mayRead(1))
        inbox.append(texts("x"), from: 1)
        #expect(!inbox.mayRead(1), "what it brought is not taken yet")
        #expect(takeAll() == ["x"])
        #expect(inbox.mayRead(1))
    }

    @Test("Stopping forgets messages and counts them") mutating func stoppingForgetsMessagesAndCountsThem() {
        inbox.begin(1, nil)
        inbox.append(texts("a", "b", "c"), from: 1)
        inbox.append(.failed(.stopped))
        #expect(!inbox.mayRead(1))
        inbox.stop()
        #expect(inbox.mayRead(1), "what is read now is only counted")
        inbox.append(texts("d", "e"), from: 1)
        inbox.leaveUnseen(4)
        #expect(inbox.unseenCount == 9)
        inbox.end(1, with: [closed])
        inbox.endReading(1)
        #expect(takeAll() == ["stopped", "close"], "what is no message stays")
    }

    @Test("Connections that come and go while one handler runs for ever do not add up")
    mutating func whatHappensWhileOneHandlerRunsForEverDoesNotAddUp() {
        inbox.begin(1, nil)
        inbox.append(texts("handled"), from: 1)
        #expect(inbox.next() != nil)
        for generation in 2...1_000 as ClosedRange<UInt64> {
            inbox.begin(generation, opened(generation))
            inbox.append(texts("x"), from: generation)
            inbox.end(generation, with: [closed])
            inbox.endReading(generation)
        }
        inbox.append(texts("read late"), from: 2)
        #expect(inbox.messageCount == Inbox.sectionLimit - 1)
        #expect(inbox.unseenCount == 999 - inbox.messageCount + 1)
        for _ in 0..<2_000 { inbox.append(.failed(.stopped)) }
        inbox.endReading(1)
        let taken = takeAll()
        #expect(taken.count { $0 == "stopped" } <= Inbox.noticeLimit)
        #expect(taken.suffix(2) == ["stopped", "stopped"])
        #expect(taken.count { $0 == "open" } == Inbox.sectionLimit - 1)
        #expect(taken.count { $0 == "close" } == Inbox.sectionLimit - 1, "a connection is forgotten whole")
        #expect(inbox.messageCount == 0 && inbox.byteCount == 0)
    }

    @Test("Notices of a connection that is read do not add up either")
    mutating func noticesOfAConnectionThatIsReadDoNotAddUpEither() {
        inbox.begin(1, nil)
        inbox.append(texts("a"), from: 1)
        for _ in 0..<2_000 { inbox.append(.failed(.stopped)) }
        inbox.append(texts("b"), from: 1)
        let taken = takeAll()
        #expect(taken.count == Inbox.noticeLimit + 2)
        #expect(taken.first == "a" && taken.last == "b")
    }
}

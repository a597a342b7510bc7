import Testing

@testable import WebSocketService

@Suite struct PendingRepliesTests {
    private var replies = PendingReplies()
    private let router = JSONRouter()

    private mutating func add(_ number: UInt64, _ match: PendingReplies.Match, survives: Bool = false) {
        replies.add(
            PendingReplies.Entry(number: number, match: match, survivesReconnect: survives, reply: Completion()))
    }

    private mutating func take(_ text: String) -> UInt64? {
        replies.take(for: .text(text), router: router)?.number
    }

    @Test mutating func anIDMatchesAndARouteWhereOneIsGiven() {
        add(1, .correlationID("a", route: nil))
        add(2, .correlationID("b", route: "chart"))
        #expect(take(#"{"id":"c"}"#) == nil)
        #expect(take(#"{"id":"b","socketType":"other"}"#) == nil)
        #expect(take(#"{"id":"b","socketType":"chart"}"#) == 2)
        #expect(take(#"{"id":"b","socketType":"chart"}"#) == nil, "once")
        #expect(take(#"{"id":"a"}"#) == 1)
        #expect(replies.isEmpty)
    }

    @Test mutating func requestsThatShareAnIDOrRouteAreAnsweredInOrder() {
        add(1, .correlationID("a", route: nil))
        add(2, .correlationID("a", route: nil))
        add(3, .route("chart"))
        add(4, .route("chart"))
        #expect(take(#"{"id":"a"}"#) == 1)
        #expect(take(#"{"socketType":"chart"}"#) == 3)
        #expect(take(#"{"id":"a","socketType":"chart"}"#) == 2, "its ID says more than its route")
        #expect(take(#"{"id":"a","socketType":"chart"}"#) == 4)
        #expect(replies.isEmpty)
    }

    @Test mutating func onlySentOnesThatDoNotSurviveAreLost() {
        add(1, .route("a"))
        add(2, .route("a"))
        add(3, .correlationID("x", route: nil), survives: true)
        add(4, .correlationID("y", route: nil))
        #expect([1, 3, 4].allSatisfy { replies.markSent(number: $0) != nil })
        #expect(replies.markSent(number: 9) == nil)
        #expect(replies.sentCount == 3)
        #expect(replies.takeLost().map(\.number).sorted() == [1, 4])
        #expect(replies.remove(number: 1) == nil)
        #expect(replies.remove(number: 2)?.number == 2)
        #expect(replies.takeAll().map(\.number) == [3])
        #expect(replies.isEmpty)
    }
}

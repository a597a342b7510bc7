import Testing

@testable import WebSocketService

@Suite struct PendingRepliesTests {
    private var replies = PendingReplies()

    private mutating func add(
        _ number: UInt64, _ match: PendingReplies.Match, survives: Bool = false, isHandlers: Bool = false,
        sentOn generation: UInt64? = 1
    ) {
        replies.add(
            PendingReplies.Entry(
                number: number, match: match, survivesReconnect: survives, isHandlers: isHandlers, reply: Completion()))
        if let generation {
            replies.willSend(number, on: generation)
            _ = replies.didSend(number, on: generation)
        }
    }

    private mutating func take(_ text: String, from generation: UInt64 = 1) -> UInt64? {
        let (message, router) = (WebSocketMessage.text(text), JSONRouter())
        let traits = PendingReplies.Traits(
            correlationID: router.correlationID(of: message), route: router.route(of: message),
            isRequest: router.isRequest(message))
        return replies.take(traits, from: generation)?.number
    }

    @Test("An ID answers its request once, and only with the route where one is given")
    mutating func anIDMatchesAndARouteWhereOneIsGiven() {
        add(1, .correlationID("a", route: nil))
        add(2, .correlationID("b", route: "chart"))
        #expect(take(#"{"id":"c"}"#) == nil)
        #expect(take(#"{"id":"b","socketType":"other"}"#) == nil)
        #expect(take(#"{"id":"b","socketType":"chart"}"#) == 2)
        #expect(take(#"{"id":"b","socketType":"chart"}"#) == nil, "once")
        #expect(take(#"{"id":"a"}"#) == 1)
        #expect(replies.isEmpty)
    }

    @Test("A request of the peer's own and a null ID answer nothing, unless the route was asked for")
    mutating func aRequestOfThePeersOwnAndANullIDAnswerNothing() {
        add(1, .correlationID("1", route: nil))
        add(2, .correlationID("null", route: nil))
        add(3, .correlationID("3", route: "call"))
        #expect(take(#"{"jsonrpc":"2.0","method":"ask","id":1}"#) == nil)
        #expect(take(#"{"jsonrpc":"2.0","error":{},"id":null}"#) == nil)
        #expect(take(#"{"id":"null"}"#) == 2, "a string is an ID")
        #expect(take(#"{"socketType":"call","method":"ask","id":3}"#) == 3, "the route that was asked for decides")
        #expect(take(#"{"jsonrpc":"2.0","result":7,"id":1}"#) == 1)
    }

    @Test("Only a request that a connection was given can be answered")
    mutating func onlyWhatAConnectionWasGivenCanBeAnswered() {
        add(1, .route("chart"), sentOn: nil)
        add(2, .correlationID("x", route: nil), sentOn: nil)
        #expect(take(#"{"socketType":"chart"}"#) == nil)
        #expect(take(#"{"id":"x"}"#) == nil)
        // The answer can be here before the call that sends has returned.
        replies.willSend(1, on: 1)
        replies.willSend(2, on: 1)
        #expect(replies.didNotSend(2) == nil)
        #expect(take(#"{"id":"x"}"#) == nil)
        #expect(take(#"{"socketType":"chart"}"#) == 1)
    }

    @Test(
        "While a request waits for room its sender may not know yet that it was taken: its ID tells, and its route does not"
    )
    mutating func whatWaitsForRoom() {
        add(1, .route("chart"), sentOn: nil)
        add(2, .correlationID("x", route: nil), sentOn: nil)
        add(3, .correlationID("y", route: nil), sentOn: nil)
        for number: UInt64 in 1...3 {
            replies.willSend(number, on: 1)
            #expect(replies.didNotSend(number, waitsForRoom: true) == nil)
        }
        #expect(take(#"{"socketType":"chart"}"#) == nil)
        #expect(take(#"{"id":"x"}"#) == 2)
        #expect(replies.didNotSend(3) == nil, "the connection has gone")
        #expect(take(#"{"id":"y"}"#) == nil)
        #expect(replies.didSend(1, on: 1) == nil)
        #expect(take(#"{"socketType":"chart"}"#) == 1)
    }

    @Test("Requests that share an ID or a route are answered in order")
    mutating func requestsThatShareAnIDOrRouteAreAnsweredInOrder() {
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

    @Test("A lost connection fails the requests sent on it that do not survive, and no others")
    mutating func onlySentOnesThatDoNotSurviveAreLost() {
        add(1, .route("a"))
        add(2, .route("a"), sentOn: nil)
        add(3, .correlationID("x", route: nil), survives: true)
        add(4, .correlationID("y", route: nil))
        add(5, .correlationID("z", route: nil), sentOn: 2)
        #expect(replies.sentCount == 4)
        #expect(replies.lose(1).map(\.number).sorted() == [1, 4])
        #expect(replies.remove(number: 1) == nil)
        #expect(replies.remove(number: 2)?.number == 2)
        #expect(replies.takeAll().map(\.number).sorted() == [3, 5])
        #expect(replies.isEmpty)
    }

    @Test("A request that a connection took as it was lost is lost")
    mutating func aRequestThatAConnectionTookAsItWasLostIsLost() {
        add(1, .route("a"), sentOn: nil)
        add(2, .route("a"), survives: true, sentOn: nil)
        for number in 1...2 as ClosedRange<UInt64> { replies.willSend(number, on: 7) }
        #expect(replies.lose(7).isEmpty, "it is not certain yet whether they were taken")
        #expect(replies.didSend(1, on: 7)?.number == 1)
        #expect(replies.didSend(2, on: 7) == nil)
        #expect(replies.sentCount == 1)
    }

    @Test("A handler's unsent request is given up where only its return would send it")
    mutating func handlersCannotWaitForWhatOnlyTheirReturnLetsThrough() {
        add(1, .route("a"), isHandlers: true, sentOn: nil)
        add(2, .route("a"), isHandlers: false, sentOn: nil)
        add(3, .route("a"), isHandlers: true)
        #expect(replies.takeHandlersUnsent(after: 1).map(\.number) == [1])
    }

    @Test("A connection answers only what it or an earlier one was given")
    mutating func anOlderConnectionAnswersNothingThatANewerOneWasGiven() {
        add(1, .route("chart"), sentOn: 2)
        add(2, .correlationID("x", route: nil), survives: true, sentOn: 2)
        add(3, .route("chart"), survives: true, sentOn: 1)
        #expect(take(#"{"id":"x"}"#, from: 1) == nil)
        #expect(take(#"{"socketType":"chart"}"#, from: 1) == 3)
        #expect(take(#"{"socketType":"chart"}"#, from: 3) == nil, "it was lost with its connection")
        #expect(take(#"{"id":"x"}"#, from: 3) == 2)
        #expect(take(#"{"socketType":"chart"}"#, from: 2) == 1)
    }

    @Test("A handler's request that was being handed over and was not sent waits no longer")
    mutating func aHandlersRequestThatWasBeingHandedOverWaitsNoLonger() {
        add(1, .route("a"), isHandlers: true, sentOn: nil)
        add(2, .route("a"), sentOn: nil)
        for number in 1...2 as ClosedRange<UInt64> { replies.willSend(number, on: 1) }
        #expect(replies.takeHandlersUnsent(after: 1).isEmpty, "the connection may have taken it")
        #expect(replies.didNotSend(1)?.number == 1)
        #expect(replies.didNotSend(2) == nil)
        add(3, .route("a"), isHandlers: true, sentOn: nil)
        replies.willSend(3, on: 2)
        #expect(replies.didNotSend(3) == nil, "that connection is there")
    }
}

import Testing

@testable import WebSocketService

@Suite(.timeLimit(.minutes(10))) struct EventBroadcasterTests {
    @Test("A subscriber gets every event from its subscription to the end, and none after that")
    func everySubscriberGetsEveryEventFromItsBeginningOn() async {
        let broadcaster = EventBroadcaster(bufferLimit: 10)
        let first = broadcaster.subscribe()
        broadcaster.send(.paused)
        let second = broadcaster.subscribe()
        broadcaster.finish(with: .stopped(unseen: 0))
        broadcaster.send(.paused)
        var (firstEvents, secondEvents) = ([String](), [String]())
        for await event in first { firstEvents.append(event.summary) }
        for await event in second { secondEvents.append(event.summary) }
        #expect(firstEvents == ["paused", "stopped 0"])
        #expect(secondEvents == ["stopped 0"])
        for await _ in broadcaster.subscribe() { Issue.record("nothing follows the end") }
    }

    @Test("A subscriber that lags loses the oldest events, and they are counted")
    func aSubscriberThatLagsLosesTheOldestAndThatIsCounted() async {
        let broadcaster = EventBroadcaster(bufferLimit: 3)
        let lagging = broadcaster.subscribe()
        for attempt in 1...4 { broadcaster.send(.waiting(.zero, attempt: attempt)) }
        broadcaster.finish(with: .stopped(unseen: 0))
        var events: [String] = []
        for await event in lagging { events.append(event.summary) }
        #expect(events == ["waiting 0.0 seconds for 3", "waiting 0.0 seconds for 4", "stopped 0"])
        #expect(broadcaster.droppedCount == 2)
    }

    @Test("A subscriber that left is forgotten") func aSubscriberThatLeftIsForgotten() async {
        let broadcaster = EventBroadcaster(bufferLimit: 1)
        do { _ = broadcaster.subscribe() }
        for _ in 1...5 { broadcaster.send(.paused) }
        #expect(broadcaster.droppedCount == 0)
    }
}

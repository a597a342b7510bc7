import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite(.timeLimit(.minutes(10))) struct SocketServiceMessagesTests {
    @Test("A loop gets every message in order, and ends with the service")
    func aLoopGetsEveryMessageInOrderAndEndsWithTheService() async throws {
        let fixture = Fixture()
        let received = Recorder<String>()
        let service = fixture.service
        let loop = Task {
            for await message in service.messages { received.add(message.text ?? "") }
            received.add("end")
        }
        await until { service.handlers.read { $0.loops.count == 1 } }
        let peer = try await fixture.open()
        peer.deliver("a", "b")
        peer.deliver("c")
        #expect(try await received.next(3) == ["a", "b", "c"])
        await service.stop()
        await loop.value
        #expect(received.all == ["a", "b", "c", "end"])
    }

    @Test("A busy loop pauses reading") func aBusyLoopPausesReading() async throws {
        let fixture = Fixture(configure: { $0.inboxLimit = 2 })
        let service = fixture.service
        var iterator = service.messages(of: "n").makeAsyncIterator()
        let peer = try await fixture.open()
        peer.deliver(#"{"socketType":"n","v":1}"#)
        for value in 2...5 { peer.deliver(#"{"socketType":"n","v":\#(value)}"#, #"{"socketType":"other"}"#) }
        await until { service.dispatcher.roomWaiterCount == 1 }
        #expect(peer.unreadCount == 6)
        for value in 1...5 { #expect(await iterator.next()?.text == #"{"socketType":"n","v":\#(value)}"#) }
        await service.stop()
        #expect(await iterator.next() == nil)
    }

    @Test("Leaving a loop lets the service go on") func leavingALoopLetsTheServiceGoOn() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let handled = Recorder<String>()
        service.onUnhandled { message, _ in handled.add(message.text ?? "") }
        let loop = Task { for await message in service.messages where message.text == "last" { break } }
        await until { service.handlers.read { $0.loops.count == 1 } }
        let peer = try await fixture.open()
        peer.deliver("a", "last", "after")
        await loop.value
        #expect(try await handled.next() == "after", "what the loop has taken was handled")
        #expect(service.handlers.read { $0.loops.isEmpty && $0.routeLoops.isEmpty })
        await service.stop()
    }

    @Test("Cancelling a loop ends it, and lets the service go on")
    func cancellingALoopEndsItAndLetsTheServiceGoOn() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let loop = Task { for await _ in service.messages {} }
        await until { service.handlers.read { $0.loops.count == 1 } }
        loop.cancel()
        await loop.value
        let peer = try await fixture.open()
        peer.deliver("a")
        try await fixture.events.next { $0 == "unhandled nil a" }
        await service.stop()
    }

    @Test("What a loop over all messages, or of a route, has taken is not unhandled")
    func takenIsHandled() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let unhandled = Recorder<String>()
        service.onUnhandled { message, _ in unhandled.add(message.text ?? "") }
        var all = service.messages.makeAsyncIterator()
        var some = service.messages(of: "n").makeAsyncIterator()
        let peer = try await fixture.open()
        peer.deliver("a", #"{"socketType":"n"}"#)
        #expect(await all.next()?.text == "a")
        #expect(await all.next()?.text == #"{"socketType":"n"}"#)
        #expect(await some.next()?.text == #"{"socketType":"n"}"#)
        await service.stop()
        #expect(unhandled.all == [])
        #expect(service.statistics.messagesUnhandled == 0)
    }

    @Test("Several loops each get every message") func severalLoopsEachGetEverything() async throws {
        let fixture = Fixture()
        var (first, second) = (
            fixture.service.messages.makeAsyncIterator(), fixture.service.messages.makeAsyncIterator()
        )
        let peer = try await fixture.open()
        peer.deliver("a", "b")
        #expect(await first.next()?.text == "a")
        #expect(await second.next()?.text == "a")
        #expect(await first.next()?.text == "b")
        #expect(await second.next()?.text == "b")
        await fixture.service.stop()
    }

    @Test("A loop in a handler of the same service, which no message comes beside, ends at once and is told of")
    func aLoopInAHandlerEndsAtOnce() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let ends = Recorder<String>()
        service.onOpen { _ in
            for await message in service.messages { ends.add("onOpen got \(message.text ?? "")") }
            ends.add("onOpen")
        }
        service.register("n") { _ in
            for await message in service.messages(of: "n") { ends.add("handler got \(message.text ?? "")") }
            ends.add("handler")
        }
        service.onClose { _ in
            for await _ in service.messages {}
            ends.add("onClose")
        }
        let peer = try await fixture.open()
        #expect(try await ends.next() == "onOpen")
        try await fixture.events.next { $0 == "error handlerMustReturn" }
        peer.deliver(#"{"socketType":"n"}"#, #"{"socketType":"n"}"#)
        #expect(try await ends.next(2) == ["handler", "handler"])
        peer.abort()
        #expect(try await ends.next() == "onClose")
        #expect(service.handlers.read { $0.loops.isEmpty && $0.routeLoops.isEmpty })
        await service.stop()
    }

    @Test("A loop in a task that a handler has started gets what comes after the handler")
    func aLoopInATaskOfAHandler() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let received = Recorder<String>()
        service.onOpen { _ in
            var iterator = service.messages.makeAsyncIterator()
            Task { while let message = await iterator.next() { received.add(message.text ?? "") } }
        }
        let peer = try await fixture.open()
        peer.deliver("a", "b")
        #expect(try await received.next(2) == ["a", "b"])
        await service.stop()
    }

    @Test("unregister() takes a route's handlers, and leaves the loops over its messages alone")
    func unregisterLeavesLoops() async throws {
        let fixture = Fixture()
        let service = fixture.service
        service.register("n") { _ in Issue.record("it was removed") }
        var iterator = service.messages(of: "n").makeAsyncIterator()
        #expect(service.unregister("n") == 1)
        #expect(service.unregister("n") == 0)
        let peer = try await fixture.open()
        peer.deliver(#"{"socketType":"n"}"#)
        #expect(await iterator.next()?.text == #"{"socketType":"n"}"#)
        await service.stop()
    }

    @Test("A loop over a stopped service ends at once") func aLoopOverAStoppedServiceEndsAtOnce() async throws {
        let fixture = Fixture()
        await fixture.service.stop()
        for await _ in fixture.service.messages { Issue.record("a stopped service has no messages") }
    }
}

import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("The way of messages to their handlers", .timeLimit(.minutes(10))) struct DispatchTests {
    private struct Failure: Error {}

    private struct Point: Decodable, Equatable {
        let x: Int
    }

    @Test("Messages are handled one at a time, in the order of their arrival")
    func messagesAreHandledOneAtATimeInTheOrderOfTheirArrival() async throws {
        let fixture = Fixture()
        let running = Atomic<Int>(0)
        let handled = Recorder<String>()
        for route in ["a", "b"] {
            fixture.service.register(route) { message in
                #expect(running.add(1, ordering: .sequentiallyConsistent).newValue == 1)
                // Handlers of very different speed.
                for _ in 0..<(handled.all.count % 7) { await Task.yield() }
                running.subtract(1, ordering: .sequentiallyConsistent)
                handled.add(message.text ?? "")
            }
        }
        let peer = try await fixture.open()
        let messages = (0..<300).map { #"{"socketType":"\#($0 % 2 == 0 ? "a" : "b")","n":\#($0)}"# }
        for batch in [messages[0..<1], messages[1..<200], messages[200..<300]] {
            peer.deliver(batch.map { .text($0) })
        }
        #expect(try await handled.next(300) == messages)
        await fixture.service.stop()
    }

    @Test("A slow handler pauses reading at the limit") func aSlowHandlerPausesReadingAtTheLimit() async throws {
        let fixture = Fixture(configure: { $0.inboxLimit = 2 })
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        let handled = Recorder<String>()
        fixture.service.onMessage { message in
            handled.add(message.text ?? "")
            guard message.text == "slow" else { return }
            entered.succeed()
            try await proceed.value()
        }
        let peer = try await fixture.open()
        peer.deliver("slow", "with it")
        try await entered.value()
        for text in ["1", "2", "3"] { peer.deliver(text) }
        await until { fixture.service.dispatcher.roomWaiterCount == 1 }
        #expect(peer.unreadCount == 1)
        #expect(handled.all == ["slow"])
        proceed.succeed()
        #expect(try await handled.next(5) == ["slow", "with it", "1", "2", "3"])
        await fixture.service.stop()
    }

    @Test("A handler that throws is reported, and stops nothing")
    func aThrowingHandlerIsReportedAndStopsNothing() async throws {
        let fixture = Fixture()
        let calls = Recorder<String>()
        fixture.service.onError { calls.add("error \($0.code) \($0.route ?? "nil") \($0.underlying is Failure)") }
        fixture.service.register("a") { _ in throw Failure() }
        fixture.service.register("a") { _ in calls.add("second handler") }
        let peer = try await fixture.open()
        peer.deliver(#"{"socketType":"a"}"#)
        peer.deliver(#"{"socketType":"a"}"#)
        #expect(
            try await calls.next(4) == [
                "error handlerFailed a true", "second handler", "error handlerFailed a true", "second handler",
            ])
        #expect(fixture.service.statistics.handlerFailures == 2)
        #expect(fixture.service.state == .open)
        await fixture.service.stop()
    }

    @Test("Messages of unknown routes, and those without one, reach the hook for unhandled ones")
    func unknownRoutesAndMessagesWithoutOneReachTheHook() async throws {
        let fixture = Fixture()
        let unhandled = Recorder<String>()
        fixture.service.onUnhandled { unhandled.add("\($1 ?? "nil"): \($0.text ?? "binary")") }
        fixture.service.register("known") { _ in }
        let peer = try await fixture.open()
        peer.deliver(#"{"socketType":"known"}"#, #"{"socketType":"other"}"#, "no JSON")
        peer.deliver([.binary([1])])
        #expect(
            try await unhandled.next(3) == [#"other: {"socketType":"other"}"#, "nil: no JSON", "nil: binary"])
        #expect(fixture.service.statistics.messagesUnhandled == 3)
        await fixture.service.stop()
    }

    @Test("A failure to decode reaches its hook with message and error, and stops nothing")
    func decodeFailuresReachTheHookWithMessageAndError() async throws {
        let fixture = Fixture()
        let calls = Recorder<String>()
        fixture.service.onDecodeFailure { message, error in
            calls.add(
                "\(message.text ?? "") \(error.code) \(error.route ?? "nil") \(error.underlying is DecodingError)")
        }
        fixture.service.register("p", as: Point.self) { calls.add("typed \($0.x)") }
        fixture.service.register("p") { _ in calls.add("raw") }
        let peer = try await fixture.open()
        peer.deliver(#"{"socketType":"p","x":"one"}"#, #"{"socketType":"p","x":1}"#)
        #expect(
            try await calls.next(4) == [
                #"{"socketType":"p","x":"one"} decodingFailed p true"#, "raw", "typed 1", "raw",
            ])
        #expect(fixture.service.statistics.decodingFailures == 1)
        #expect(fixture.service.statistics.handlerFailures == 0)
        await fixture.service.stop()
    }

    /// Messages that are no JSON at all: the first byte is the route, the others are the value.
    @Test("The app can bring its own router and codec") func aRouterAndACodecOfTheAppsOwn() async throws {
        struct Bytes: MessageCodec {
            func encode(_ value: some Encodable) throws -> WebSocketMessage { .binary([1] + "\(value)".utf8) }
            func decode<Value: Decodable>(_ type: Value.Type, from message: WebSocketMessage) throws -> Value {
                guard let value = Int(String(decoding: message.payload.dropFirst(), as: UTF8.self)) as? Value else {
                    throw CancellationError()
                }
                return value
            }
        }
        let fixture = Fixture(configure: {
            $0.codec = Bytes()
            $0.router = .custom { message in message.payload.first.map { "\($0)" } }
        })
        let received = Recorder<String>()
        fixture.service.register("1", as: Int.self) { received.add("\($0)") }
        fixture.service.onDecodeFailure { received.add("\($0.payload.count) bytes: \($1.code)") }
        let peer = try await fixture.open()
        peer.deliver([.binary([1] + "42".utf8), .binary([1])])
        #expect(try await received.next(2) == ["42", "1 bytes: decodingFailed"])
        await fixture.untilDirect()
        try await fixture.service.send(7)
        #expect(peer.sent == [.binary([1] + "7".utf8)])
        let answer = Task {
            try await fixture.service.request(8, reply: "1", as: Int.self, correlated: false)
        }
        await until { peer.sent.count == 2 }
        peer.deliver([.binary([1] + "9".utf8)])
        #expect(try await answer.value == 9)
        await fixture.service.stop()
    }

    @Test("A number can be a route") func numbersAreRoutesToo() async throws {
        let fixture = Fixture(configure: { $0.router = .json(routeKey: "op") })
        let calls = Recorder<String>()
        fixture.service.register("10") { calls.add($0.text ?? "") }
        let peer = try await fixture.open()
        peer.deliver(#"{"t":null,"op":10,"d":{"op":11}}"#)
        #expect(try await calls.next() == #"{"t":null,"op":10,"d":{"op":11}}"#)
        await fixture.service.stop()
    }

    @Test("A handler may unregister others before their turn, and register others for the next message")
    func handlersMayRegisterAndUnregisterOthersFromTheNextMessageOn() async throws {
        let fixture = Fixture()
        let calls = Recorder<String>()
        let service = fixture.service
        service.register("a") { _ in
            calls.add("first")
            service.unregister("a")
            service.register("a") { _ in calls.add("its replacement") }
        }
        service.register("a") { _ in calls.add("cancelled before its turn") }
        let peer = try await fixture.open()
        peer.deliver(#"{"socketType":"a"}"#, #"{"socketType":"a"}"#)
        #expect(try await calls.next(2) == ["first", "its replacement"])
        await service.stop()
        #expect(calls.all.count == 2)
    }

    @Test("onOpen of a renewed connection runs before the queue is sent")
    func onOpenOfARenewedConnectionRunsBeforeTheQueueIsSent() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let service = fixture.service
        let renewed = Completion<Void>()
        service.onOpen { context in
            if context.isReconnect { try await renewed.value() }
            try await service.send("subscribe \(context.isReconnect)")
        }
        let peer = try await fixture.open()
        #expect(try await peer.nextSent() == .text("subscribe false"))
        peer.abort()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        #expect(try await service.send("queued") == .queued)
        fixture.clock.advance(by: .seconds(1))
        let next = try await fixture.transport.nextConnection()
        try await executor.untilQuiet()
        #expect(next.sent.isEmpty)
        renewed.succeed()
        #expect(try await [next.nextSent(), next.nextSent()] == [.text("subscribe true"), .text("queued")])
        await service.stop()
    }

    @Test("Open, messages and close of each connection stay in order")
    func openMessagesAndCloseOfEachConnectionStayInOrder() async throws {
        let fixture = Fixture(reconnect: .fixed(.zero))
        let calls = Recorder<String>()
        let service = fixture.service
        service.onOpen { _ in
            for _ in 0..<10 { await Task.yield() }
            calls.add("open")
        }
        service.onMessage { calls.add($0.text ?? "") }
        service.onClose { calls.add("close \($0.code.rawValue)") }
        try await service.start()
        for connection in 1...3 {
            let peer = try await fixture.transport.nextConnection()
            peer.deliver("\(connection)a", "\(connection)b")
            peer.deliver("\(connection)c")
            peer.close(code: .serviceRestart)
        }
        let expected = (1...3).flatMap { ["open", "\($0)a", "\($0)b", "\($0)c", "close 1012"] }
        #expect(try await calls.next(15) == expected)
        await service.stop()
    }

    @Test("A slow handler of an old connection does not keep a new one from opening")
    func aSlowHandlerOfAnOldConnectionDoesNotKeepANewOneFromOpening() async throws {
        let fixture = Fixture(heartbeat: .ping(anyTrafficCounts: false))
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        let calls = Recorder<String>()
        fixture.service.onMessage { message in
            calls.add(message.text ?? "")
            guard message.text == "slow" else { return }
            entered.succeed()
            try await proceed.value()
        }
        let peer = try await fixture.open()
        peer.deliver("slow")
        try await entered.value()
        await fixture.service.pause()
        fixture.service.resume()
        let next = try await fixture.transport.nextConnection()
        next.deliver("of the new connection")
        try await next.waitUntilRead()
        #expect(calls.all == ["slow"])
        proceed.succeed()
        #expect(try await calls.next(2) == ["slow", "of the new connection"])
        await fixture.service.stop()
    }
}

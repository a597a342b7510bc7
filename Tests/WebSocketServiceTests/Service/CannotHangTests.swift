import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

/// Handlers that do ordinary things at the wrong moment. Time is the test's, so that whatever waits for a timeout or for
/// ever here ends the suite's time limit instead.
@Suite("A service that cannot hang", .timeLimit(.minutes(1))) struct CannotHangTests {
    private func code(_ error: any Error) -> String {
        (error as? SocketServiceError).map { "\($0.code)" } ?? "\(error)"
    }

    /// Drops the connection, lets the delay before the next attempt pass and returns the connection that opens.
    private func reconnect(_ fixture: Fixture, from peer: ScriptedConnection) async throws -> ScriptedConnection {
        peer.drop()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        fixture.clock.advance(by: .seconds(1))
        let next = try await fixture.transport.nextConnection()
        try await fixture.events.next { $0 == "open" }
        return next
    }

    // MARK: Ends are learned at once

    @Test(
        "A handler that sends in a loop does not keep the service from reconnecting",
        arguments: QueuePolicy.Overflow.allCases)
    func aHandlerSendsInALoop(overflow: QueuePolicy.Overflow) async throws {
        // Some of the rules drop many.
        let fixture = Fixture(
            queue: QueuePolicy(limit: 3, overflow: overflow), configure: { $0.eventBufferLimit = .max })
        let service = fixture.service
        let isDone = Mutex(false)
        let opened = Recorder<Bool>()
        service.onOpen { opened.add($0.isReconnect) }
        service.register("go") { _ in
            while !isDone.withLock({ $0 }) {
                do {
                    try await service.send("x")
                } catch is SocketServiceError {
                    // The rule is to fail, or the handler must not wait.
                }
                await Task.yield()
            }
        }
        let peer = try await fixture.open()
        #expect(try await opened.next() == false)
        await fixture.untilDirect()
        peer.deliver(#"{"socketType":"go"}"#)
        _ = try await peer.nextSent()
        peer.holdSends()
        await until { peer.heldSendCount == 1 }
        let next = try await reconnect(fixture, from: peer)
        #expect(opened.all == [false], "handlers still run one at a time")
        isDone.withLock { $0 = true }
        #expect(try await opened.next() == true)
        await fixture.untilDirect()
        #expect(try await service.send("y") == .sent)
        await until { next.sent.last == .text("y") }
        await service.stop()
    }

    @Test("Nor does a loop over messages", arguments: QueuePolicy.Overflow.allCases)
    func aLoopOverMessagesSendsInALoop(overflow: QueuePolicy.Overflow) async throws {
        // Some of the rules drop many.
        let fixture = Fixture(
            queue: QueuePolicy(limit: 3, overflow: overflow), configure: { $0.eventBufferLimit = .max })
        let service = fixture.service
        let opened = Recorder<Bool>()
        service.onOpen { opened.add($0.isReconnect) }
        var iterator = service.messages.makeAsyncIterator()
        let peer = try await fixture.open()
        #expect(try await opened.next() == false)
        await fixture.untilDirect()
        peer.deliver("go", "more", "and more")
        #expect(await iterator.next()?.text == "go")
        peer.holdSends()
        async let reconnected = reconnect(fixture, from: peer)
        // As the body of a `for await` would, in this task.
        while fixture.transport.connections.count < 2 {
            do {
                try await service.send("x")
            } catch is SocketServiceError {
                // The rule is to fail, or the loop must not wait.
            }
            await Task.yield()
        }
        _ = try await reconnected
        #expect(await iterator.next()?.text == "more")
        #expect(await iterator.next()?.text == "and more")
        #expect(try await opened.next() == true)
        await fixture.untilDirect()
        #expect(try await service.send("y") == .sent)
        await service.stop()
    }

    @Test("A close frame is noticed while a handler runs, and the next connection is made")
    func aCloseFrameIsNoticedWhileAHandlerRuns() async throws {
        let fixture = Fixture()
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        fixture.service.onMessage { _ in
            entered.succeed()
            try await proceed.value()
        }
        let peer = try await fixture.open()
        peer.deliver("slow")
        try await entered.value()
        peer.close(code: .goingAway)
        try await fixture.events.next { $0 == "closed 1001" }
        try await fixture.events.next { $0.hasPrefix("waiting") }
        #expect(fixture.service.state == .reconnecting)
        #expect(try await fixture.service.send("queued") == .queued)
        fixture.clock.advance(by: .seconds(1))
        let next = try await fixture.transport.nextConnection()
        #expect(try await next.nextSent() == .text("queued"), "nobody greets, so nothing waits for the handler")
        proceed.succeed()
        await fixture.service.stop()
    }

    @Test("A dead peer is dropped while a handler is suspended in the service's own send")
    func aDeadPeerIsDroppedWhileAHandlerSends() async throws {
        let fixture = Fixture(heartbeat: .ping())
        let outcomes = Recorder<SendOutcome>()
        let service = fixture.service
        service.onMessage { _ in outcomes.add(try await service.send("held")) }
        let peer = try await fixture.open()
        peer.answerPings(after: nil)
        peer.holdSends()
        peer.deliver("go")
        await until { peer.heldSendCount == 1 }
        #expect(try await fixture.clock.advanceToNextSleeper() == .seconds(30))
        try await peer.nextPing()
        await until { fixture.clock.nextDeadline?.sinceStart == .seconds(40) }
        fixture.clock.advance(by: .seconds(10))
        #expect(try await peer.ended().initiator == .connectionLoss)
        #expect(try await outcomes.next() == .queued)
        try await fixture.events.next { $0 == "failed the peer left 1 heartbeat unanswered" }
        await service.stop()
    }

    @Test("What a connection brought before a pause comes before its end, and both before the next connection")
    func orderAcrossPauseAndResume() async throws {
        let fixture = Fixture()
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        let calls = Recorder<String>()
        let service = fixture.service
        service.onOpen { calls.add("open \($0.isReconnect)") }
        service.onClose { calls.add("close \($0.code.rawValue)") }
        service.onMessage { message in
            calls.add(message.text ?? "")
            guard message.text == "1a" else { return }
            entered.succeed()
            try await proceed.value()
        }
        let peer = try await fixture.open()
        peer.deliver("1a")
        try await entered.value()
        peer.deliver("1b")
        try await peer.waitUntilRead()
        await service.pause()
        service.resume()
        let next = try await fixture.transport.nextConnection()
        next.deliver("2a")
        try await next.waitUntilRead()
        #expect(calls.all == ["open false", "1a"])
        proceed.succeed()
        #expect(try await calls.next(6) == ["open false", "1a", "1b", "close 1000", "open true", "2a"])
        await service.stop()
    }

    @Test("A handler's request is answered from behind any number of messages")
    func anAnswerBehindManyMessages() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let answers = Recorder<String>()
        service.register("ask") { _ in
            answers.add(try await service.request(message: .text(#"{"id":"q"}"#)).text ?? "")
        }
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.deliver(#"{"socketType":"ask"}"#)
        _ = try await peer.nextSent()
        for _ in 0..<3_000 { peer.deliver("busy") }
        peer.deliver(#"{"id":"q"}"#)
        #expect(try await answers.next() == #"{"id":"q"}"#)
        await service.stop()
    }

    // MARK: Handlers of an older connection

    @Test("A request that cannot be sent before its handler returns fails at once")
    func aRequestOfAStaleHandler() async throws {
        let fixture = Fixture()
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        let results = Recorder<String>()
        let service = fixture.service
        service.onOpen { if $0.isReconnect { results.add("greeted") } }
        service.onMessage { _ in
            entered.succeed()
            try await proceed.value()
            do {
                _ = try await service.request(message: .text("{}"))
            } catch {
                results.add(code(error))
            }
            results.add("\(try await service.send("from the stale handler"))")
        }
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.deliver("go")
        try await entered.value()
        let next = try await reconnect(fixture, from: peer)
        proceed.succeed()
        #expect(try await results.next(3) == ["handlerMustReturn", "queued", "greeted"])
        #expect(try await next.nextSent() == .text("from the stale handler"), "once, after the greeting")
        #expect(service.statistics.queuedMessages == 0)
        await service.stop()
    }

    @Test("A handler's request that waits in the queue fails as the connection goes that would have sent it")
    func aHandlersRequestInTheQueueOfALostConnection() async throws {
        let fixture = Fixture()
        let results = Recorder<String>()
        let (service, transport) = (fixture.service, fixture.transport)
        let isFirst = Mutex(true)
        service.onOpen { _ in
            guard isFirst.withLock({ $0 }) else { return results.add("greeted") }
            isFirst.withLock { $0 = false }
            try await transport.nextConnection().holdSends()
        }
        service.onMessage { _ in
            do {
                _ = try await service.request(message: .text("{}"))
            } catch {
                results.add(code(error))
            }
        }
        try await service.send("drains")
        try await service.start(waitingForOpen: true)
        await until { transport.connections.first?.heldSendCount == 1 }
        let peer = transport.connections[0]
        peer.deliver("go")
        await until { service.statistics.queuedMessages == 2 }
        peer.drop()
        #expect(try await results.next() == "handlerMustReturn")
        await service.stop()
    }

    @Test("onOpen is cancelled when its connection ends, and what it still sends goes nowhere")
    func onOpenOfAConnectionThatEnds() async throws {
        let fixture = Fixture()
        let calls = Recorder<String>()
        let (service, clock) = (fixture.service, fixture.clock)
        let entered = Completion<Void>()
        service.onOpen { context in
            calls.add("open \(context.isReconnect)")
            guard !context.isReconnect else {
                try await service.send("greeting")
                return
            }
            entered.succeed()
            do {
                try await clock.sleep(for: .seconds(3_600))
            } catch {
                calls.add("cancelled")
            }
            for _ in 0..<2 { calls.add("\(try await service.send("stale"))") }
            for _ in 0..<5 {
                do {
                    _ = try await service.request(message: .text("{}"))
                } catch {
                    calls.add("\((error as? SocketServiceError)?.dropReason.map { "\($0)" } ?? "\(error)")")
                }
            }
        }
        service.onClose { _ in calls.add("close") }
        let peer = try await fixture.open()
        try await entered.value()
        try await service.send("queued")
        let next = try await reconnect(fixture, from: peer)
        let dropped = "dropped(WebSocketService.DropReason.connectionEnded)"
        #expect(
            try await calls.next(11) == ["open false", "cancelled", dropped, dropped]
                + Array(repeating: "connectionEnded", count: 5) + ["close", "open true"])
        #expect(clock.now.sinceStart == .seconds(1), "nothing waited for a timeout")
        #expect(try await [next.nextSent(), next.nextSent()] == [.text("greeting"), .text("queued")])
        await fixture.untilDirect()
        #expect(next.sent.count == 2)
        await service.stop()
    }

    @Test("Requests of onOpen under way fail as its connection ends")
    func aRequestOfOnOpenUnderWay() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let results = Recorder<String>()
        service.onOpen { context in
            guard !context.isReconnect else { return results.add("greeted again") }
            // At the same time, as a login and a subscription may be.
            async let first = service.request(message: .text(#"{"id":"a"}"#))
            async let second = service.request(message: .text(#"{"id":"b"}"#))
            do {
                _ = try await (first, second)
            } catch {
                results.add(code(error))
            }
        }
        let peer = try await fixture.open()
        _ = try await (peer.nextSent(), peer.nextSent())
        _ = try await reconnect(fixture, from: peer)
        #expect(try await results.next(2) == ["connectionFailed", "greeted again"])
        await service.stop()
    }

    // MARK: onOpen that throws

    @Test("onOpen that throws means that there is no session: the connection is dropped and the policy backs off")
    func onOpenThatThrows() async throws {
        struct LoginRefused: Error, CustomStringConvertible { let description = "login refused" }
        let fixture = Fixture(reconnect: .exponential(jitter: .none))
        let service = fixture.service
        let calls = Recorder<String>()
        service.onOpen { _ in
            calls.add("login")
            if calls.all.count(where: { $0 == "login" }) < 4 { throw LoginRefused() }
        }
        service.onOpen { _ in calls.add("second handler") }
        service.onError { calls.add("error \($0.code) \($0.underlying is LoginRefused)") }
        service.onClose { calls.add("close \($0.code.rawValue)") }
        try await service.send("queued")
        try await service.start()
        for attempt in 1...3 {
            let peer = try await fixture.transport.nextConnection()
            _ = try await peer.ended()
            #expect(peer.wasAborted)
            #expect(peer.sent.isEmpty, "nothing of the queue is sent")
            try await fixture.events.next {
                $0.hasPrefix("failed an onOpen handler threw") && $0.contains("login refused")
            }
            let delay = Duration.milliseconds(250 * (1 << attempt))
            try await fixture.events.next { $0 == "waiting \(delay) for \(attempt + 1)" }
            fixture.clock.advance(by: delay)
            #expect(try await calls.next(3) == ["login", "error connectionFailed true", "close 1006"])
        }
        let peer = try await fixture.transport.nextConnection()
        #expect(try await peer.nextSent() == .text("queued"))
        #expect(try await calls.next(2) == ["login", "second handler"])
        #expect(service.statistics.handlerFailures == 3)
        await service.stop()
    }

    // MARK: stop

    @Test("stop() by a task that a handler started cancels the handler and waits for it")
    func stopByATaskOfAHandlers() async throws {
        let fixture = Fixture()
        let (service, clock) = (fixture.service, fixture.clock)
        let calls = Recorder<String>()
        service.onMessage { _ in
            Task {
                await service.stop()
                calls.add("stopped")
            }
            do {
                try await clock.sleep(for: .seconds(3_600))
            } catch {
                calls.add("handler cancelled")
            }
        }
        service.onClose { _ in calls.add("close") }
        let peer = try await fixture.open()
        peer.deliver("go")
        #expect(try await calls.next(3) == ["handler cancelled", "close", "stopped"])
        #expect(clock.now.sinceStart == .zero)
    }

    @Test("stop() by a child of a handler's task does not wait for that handler")
    func stopByAChildOfAHandlersTask() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let calls = Recorder<String>()
        service.onMessage { _ in
            async let stopping = service.stop()
            _ = await stopping
            calls.add("returned")
        }
        let peer = try await fixture.open()
        peer.deliver("go")
        #expect(try await calls.next() == "returned")
        try await fixture.events.next { $0 == "end of events" }
        #expect(fixture.clock.now.sinceStart == .zero)
    }

    private enum Trace {
        @TaskLocal static var id = "none"
    }

    @Test("Handlers and the app's closures see no task-local value of whoever called the service")
    func taskLocals() async throws {
        let seen = Recorder<String>()
        let clock = ManualClock()
        let transport = ScriptedTransport()
        let service = SocketService(
            transport: transport, reconnect: .fixed(.zero),
            heartbeat: .message(every: .seconds(60)) {
                seen.add("beat \(Trace.id)")
                return .text("beat")
            }, options: .init(clock: clock, logger: .silent),
            request: { _ in
                seen.add("request \(Trace.id)")
                return ConnectRequest(url: "wss://feed/")
            })
        service.onOpen { _ in seen.add("open \(Trace.id)") }
        service.onMessage { _ in seen.add("message \(Trace.id)") }
        service.onClose { _ in seen.add("close \(Trace.id)") }
        try await Trace.$id.withValue("the app's") {
            try await service.start(waitingForOpen: true)
            try await transport.nextConnection().deliver("go")
        }
        #expect(try await seen.next(4) == ["request none", "beat none", "open none", "message none"])
        await Trace.$id.withValue("the app's") { _ = await service.stop() }
        #expect(seen.all.last == "close none")
    }
}

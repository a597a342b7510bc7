import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

/// Handlers that do ordinary things at the wrong moment. Time is the test's, so that whatever waits for a timeout or for
/// ever here ends the suite's time limit instead.
@Suite("A service that cannot hang", .timeLimit(.minutes(10))) struct CannotHangTests {
    func code(_ error: any Error) -> String {
        (error as? SocketServiceError).map { "\($0.code)" } ?? "\(error)"
    }

    /// Aborts the connection, lets the delay before the next attempt pass and returns the connection that opens.
    func reconnect(_ fixture: Fixture, from peer: ScriptedConnection) async throws -> ScriptedConnection {
        peer.abort()
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
        let isDone = Lock(false)
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

    @Test(
        "A loop over messages that sends in a loop does not keep the service from reconnecting",
        arguments: QueuePolicy.Overflow.allCases)
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

    @Test("A dead peer's connection is aborted while a handler is suspended in the service's own send")
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
        try await fixture.clock.advance(toSleeperIn: .seconds(30))
        try await peer.nextPing()
        try await fixture.clock.advance(toSleeperIn: .seconds(10))
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
}

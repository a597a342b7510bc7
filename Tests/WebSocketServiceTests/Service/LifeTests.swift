import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("The life of a service", .timeLimit(.minutes(10))) struct LifeTests {
    @Test("start() throws for a URL that cannot be used", arguments: ["http://feed/", "feed", ""])
    func startThrowsForABadURL(url: String) async throws {
        let fixture = Fixture(urls: ["wss://good/", url])
        await #expect { try await fixture.service.start() } throws: {
            ($0 as? WebSocketError)?.code == .invalidConfiguration
        }
        #expect(fixture.service.state == .idle)
        await fixture.service.stop()
    }

    @Test("start() throws without a URL") func aServiceNeedsAURL() async throws {
        let fixture = Fixture(urls: [])
        await #expect(throws: WebSocketError.self) { try await fixture.service.start() }
        await fixture.service.stop()
    }

    @Test("start() returns at once or waits for the connection, and starting twice starts once")
    func startReturnsAtOnceOrWaitsForTheConnection() async throws {
        let fixture = Fixture([.hang])
        try await fixture.service.start()
        #expect(fixture.service.state == .connecting)
        let waiting = Task { try await fixture.service.start(waitingForOpen: true) }
        await until { fixture.service.life.core.withLock { $0.openWaiters.count == 1 } }
        await fixture.service.pause()
        fixture.service.resume()
        try await waiting.value
        #expect(fixture.service.state == .open)
        try await fixture.service.start(waitingForOpen: true)
        try await fixture.service.start()
        #expect(fixture.transport.requests.count == 2, "starting twice starts once")
        await fixture.service.stop()
    }

    @Test("Cancelling a wait for the start does not stop the service")
    func cancellingAWaitForTheStartDoesNotStopTheService() async throws {
        let fixture = Fixture([.hang])
        let waiting = Task { try await fixture.service.start(waitingForOpen: true) }
        _ = try await fixture.transport.nextRequest()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(fixture.service.state == .connecting)
        await fixture.service.stop()
    }

    @Test(
        "stop() ends every state at once, and returns what is left once",
        arguments: [
            "idle", "connecting", "reconnecting", "open", "open and draining", "pausing", "gave up", "stopped",
        ])
    func stopEndsEveryStateAtOnceAndTwice(state: String) async throws {
        let outcomes: [ScriptedTransport.Outcome] =
            switch state {
            case "connecting": [.hang]
            case "reconnecting", "gave up": [.connectionRefused]
            default: [.open()]
            }
        let fixture = Fixture(outcomes, reconnect: state == "gave up" ? .never : .fixed(.seconds(3600)))
        let (service, transport) = (fixture.service, fixture.transport)
        try await service.send("kept")
        if state == "open and draining" {
            service.onOpen { _ in try await transport.nextConnection().holdSends() }
        }
        if state != "idle" { try await service.start() }
        switch state {
        case "connecting": _ = try await transport.nextRequest()
        case "reconnecting": try await fixture.events.next { $0.hasPrefix("waiting") }
        case "gave up": try await fixture.events.next { $0.hasPrefix("gave up") }
        case "open": await fixture.untilDirect()
        case "open and draining": await until { transport.connections.first?.heldSendCount == 1 }
        case "pausing":
            await fixture.untilDirect()
            transport.connections[0].answerClose(false)
            Task { await service.pause() }
            await until { service.state == .closing }
            transport.connections[0].abort()
        case "stopped": await service.stop()
        default: break
        }
        let before = fixture.clock.now
        let isSent = ["open", "pausing", "stopped"].contains(state)
        #expect(await service.stop() == (isSent ? [] : [.text("kept")]))
        #expect(service.state == .closed)
        #expect(await service.stop() == [], "what is left is returned once")
        #expect(fixture.clock.now == before)
        await until { fixture.clock.sleeperCount == 0 }
        try await fixture.events.next { $0 == "stopped 0" }
        #expect(try await fixture.events.next() == "end of events")
        await #expect { try await service.start() } throws: { ($0 as? SocketServiceError)?.code == .stopped }
        service.reconnectNow()
        service.resume()
        await service.pause()
        #expect(service.state == .closed)
    }

    @Test("Of several stop() at a time all wait, and one gets what is left")
    func concurrentStopsAllWaitAndOneGetsTheUnsent() async throws {
        let fixture = Fixture([.hang])
        try await fixture.service.start()
        try await fixture.service.send("kept")
        let service = fixture.service
        let unsent = await withTaskGroup(of: [WebSocketMessage].self) { group in
            for _ in 0..<10 { group.addTask { await service.stop() } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(unsent == [.text("kept")])
    }

    @Test("stop() completes every waiter once") func stopCompletesEveryWaiterOnce() async throws {
        let fixture = Fixture([.hang], queue: QueuePolicy(limit: 2, overflow: .suspend))
        let service = fixture.service
        let opening = Task { try await service.start(waitingForOpen: true) }
        let running = Task { try await service.run() }
        await until { service.life.core.withLock { $0.endWaiters.count == 1 && $0.openWaiters.count == 1 } }
        let request = Task { try await service.request(message: .text("{}")) }
        try await service.send("kept")
        await until { service.statistics.queuedMessages == 2 }
        let suspended = Task { try await service.send("suspended") }
        await until { service.outbox.waiterCount == 1 }
        let unsent = await service.stop()
        #expect(unsent.contains(.text("kept")))
        await #expect { try await opening.value } throws: { ($0 as? SocketServiceError)?.code == .stopped }
        await #expect { try await request.value } throws: { ($0 as? SocketServiceError)?.code == .stopped }
        #expect(try await suspended.value == .dropped(.closed))
        try await running.value
        #expect(fixture.clock.sleeperCount == 0)
    }

    @Test("stop() cancels the handler that runs, and calls only onClose after it")
    func stopCancelsTheHandlerThatRunsAndCallsOnlyOnCloseAfterIt() async throws {
        let fixture = Fixture()
        let calls = Recorder<String>()
        fixture.service.onMessage { message in
            calls.add(message.text ?? "")
            do {
                try await fixture.clock.sleep(for: .seconds(3600))
            } catch {
                calls.add("cancelled")
                throw error
            }
        }
        fixture.service.onClose { calls.add("close \($0.code.rawValue) \(Task.isCancelled)") }
        fixture.service.onError { calls.add("error \($0.code)") }
        let peer = try await fixture.open()
        peer.deliver("a", "b", "c")
        #expect(try await calls.next() == "a")
        await fixture.service.stop()
        #expect(calls.all == ["a", "cancelled", "close 1000 false"])
        try await fixture.events.next { $0 == "stopped 2" }
    }

    @Test("stop() waits for a handler that ignores it no longer than the close timeout")
    func stopWaitsForAStubbornHandlerNoLongerThanTheCloseTimeout() async throws {
        let fixture = Fixture()
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        fixture.service.onMessage { _ in
            entered.succeed()
            await Task.detached { try? await proceed.value() }.value
        }
        let peer = try await fixture.open()
        peer.deliver("a")
        try await entered.value()
        async let stopped = fixture.service.stop()
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        _ = await stopped
        proceed.succeed()
    }

    @Test("A handler may stop its service, and gets what is left") func aHandlerMayStopItsService() async throws {
        let fixture = Fixture()
        let calls = Recorder<String>()
        fixture.service.onMessage { _ in
            let unsent = await fixture.service.stop()
            calls.add("stopped \(unsent.count) \(Task.isCancelled)")
        }
        fixture.service.onClose { _ in calls.add("close") }
        let peer = try await fixture.open()
        peer.deliver("a", "b")
        #expect(try await calls.next(2) == ["stopped 0 false", "close"])
        try await fixture.events.next { $0 == "stopped 1" }
        #expect(fixture.clock.now.sinceStart == .zero)
    }

    @Test("A connection whose peer does not answer the close handshake is aborted after the timeout")
    func aPeerThatDoesNotAnswerTheCloseHandshakeIsDroppedAfterTheTimeout() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        peer.answerClose(false)
        async let stopped = fixture.service.stop()
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        _ = await stopped
        #expect(peer.wasAborted)
    }

    @Test("onClose has its time also where the peer has taken all of its own to close")
    func onCloseAfterASilentPeer() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let (calls, saved) = (Recorder<String>(), Completion<Void>())
        fixture.service.onClose { _ in
            calls.add("saving")
            try await saved.value()
            calls.add("saved")
        }
        let peer = try await fixture.open()
        peer.answerClose(false)
        let stopping = Task(executorPreference: executor) {
            await fixture.service.stop()
            calls.add("stopped")
        }
        try await executor.untilQuiet()
        fixture.clock.advance(by: .seconds(5))
        try await executor.untilQuiet()
        #expect(calls.all == ["saving"])
        saved.succeed()
        await stopping.value
        #expect(calls.all == ["saving", "saved", "stopped"])
    }

    @Test(
        "What cannot be sent before resume() is nothing that shutDown() waits for", arguments: ["before", "meanwhile"])
    func shutDownOfAPausedService(paused: String) async throws {
        let executor = TestExecutor()
        let fixture = Fixture([.hang], executor: executor)
        let service = fixture.service
        try await service.send("queued")
        try await service.start()
        try await executor.untilQuiet()
        let unsent = Recorder<[WebSocketMessage]>()
        if paused == "before" { await service.pause() }
        let ending = Task(executorPreference: executor) { unsent.add(await service.shutDown()) }
        try await executor.untilQuiet()
        if paused == "meanwhile" { await service.pause() }
        await ending.value
        #expect(unsent.all == [[.text("queued")]])
        #expect(fixture.clock.now.sinceStart == .zero)
    }

    @Test("A handler's shutDown() waits for a connection where nothing keeps the queue behind the handler")
    func shutDownByAHandlerDuringAnOutage() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let service = fixture.service
        let unsent = Recorder<[WebSocketMessage]>()
        service.onClose { _ in
            try await service.send("last words")
            unsent.add(await service.shutDown())
        }
        let peer = try await fixture.open()
        peer.abort()
        try await executor.untilQuiet()
        #expect(unsent.all == [])
        fixture.clock.advance(by: .seconds(1))
        try await executor.untilQuiet()
        #expect(unsent.all.first == [])
        #expect(try await fixture.transport.nextConnection().sent == [.text("last words")])
        await service.stop()
    }
}

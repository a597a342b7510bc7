import Foundation
import Logging
import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

#if ServiceLifecycleSupport
    import ServiceLifecycle
#endif

@Suite(.timeLimit(.minutes(10))) struct LifeTests {
    @Test(arguments: ["http://feed/", "feed", ""])
    func startThrowsForABadURL(url: String) async throws {
        let fixture = Fixture(urls: ["wss://good/", url])
        await #expect { try await fixture.service.start() } throws: {
            ($0 as? WebSocketError)?.code == .invalidConfiguration
        }
        #expect(fixture.service.state == .idle)
        await fixture.service.stop()
    }

    @Test func aServiceNeedsAURL() async throws {
        let fixture = Fixture(urls: [])
        await #expect(throws: WebSocketError.self) { try await fixture.service.start() }
        await fixture.service.stop()
    }

    @Test func startReturnsAtOnceOrWaitsForTheConnection() async throws {
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

    @Test func cancellingAWaitForTheStartDoesNotStopTheService() async throws {
        let fixture = Fixture([.hang])
        let waiting = Task { try await fixture.service.start(waitingForOpen: true) }
        _ = try await fixture.transport.nextRequest()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(fixture.service.state == .connecting)
        await fixture.service.stop()
    }

    @Test(arguments: [
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
            transport.connections[0].drop()
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

    @Test func concurrentStopsAllWaitAndOneGetsTheLeftovers() async throws {
        let fixture = Fixture([.hang])
        try await fixture.service.start()
        try await fixture.service.send("kept")
        let service = fixture.service
        let leftovers = await withTaskGroup(of: [WebSocketMessage].self) { group in
            for _ in 0..<10 { group.addTask { await service.stop() } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(leftovers == [.text("kept")])
    }

    @Test func stopCompletesEveryWaiterOnce() async throws {
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
        let leftovers = await service.stop()
        #expect(leftovers.contains(.text("kept")))
        await #expect { try await opening.value } throws: { ($0 as? SocketServiceError)?.code == .stopped }
        await #expect { try await request.value } throws: { ($0 as? SocketServiceError)?.code == .stopped }
        #expect(try await suspended.value == .dropped(.closed))
        try await running.value
        #expect(fixture.clock.sleeperCount == 0)
    }

    @Test func stopCancelsTheHandlerThatRunsAndCallsOnlyOnCloseAfterIt() async throws {
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

    @Test func stopWaitsForAStubbornHandlerNoLongerThanTheCloseTimeout() async throws {
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

    @Test func aHandlerMayStopItsService() async throws {
        let fixture = Fixture()
        let calls = Recorder<String>()
        fixture.service.onMessage { _ in
            let leftovers = await fixture.service.stop()
            calls.add("stopped \(leftovers.count) \(Task.isCancelled)")
        }
        fixture.service.onClose { _ in calls.add("close") }
        let peer = try await fixture.open()
        peer.deliver("a", "b")
        #expect(try await calls.next(2) == ["stopped 0 false", "close"])
        try await fixture.events.next { $0 == "stopped 1" }
        #expect(fixture.clock.now.sinceStart == .zero)
    }

    @Test func aPeerThatDoesNotAnswerTheCloseHandshakeIsDroppedAfterTheTimeout() async throws {
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
        let leftovers = Recorder<[WebSocketMessage]>()
        if paused == "before" { await service.pause() }
        let ending = Task(executorPreference: executor) { leftovers.add(await service.shutDown()) }
        try await executor.untilQuiet()
        if paused == "meanwhile" { await service.pause() }
        await ending.value
        #expect(leftovers.all == [[.text("queued")]])
        #expect(fixture.clock.now.sinceStart == .zero)
    }

    @Test("A handler's shutDown() waits for a connection where nothing keeps the queue behind the handler")
    func shutDownByAHandlerDuringAnOutage() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let service = fixture.service
        let leftovers = Recorder<[WebSocketMessage]>()
        service.onClose { _ in
            try await service.send("last words")
            leftovers.add(await service.shutDown())
        }
        let peer = try await fixture.open()
        peer.drop()
        try await executor.untilQuiet()
        #expect(leftovers.all == [])
        fixture.clock.advance(by: .seconds(1))
        try await executor.untilQuiet()
        #expect(leftovers.all.first == [])
        #expect(try await fixture.transport.nextConnection().sent == [.text("last words")])
        await service.stop()
    }

    // MARK: run, shutDown, withSocketService

    @Test func runEndsWhenTheServiceIsStopped() async throws {
        let fixture = Fixture()
        let running = Task { try await fixture.service.run() }
        _ = try await fixture.transport.nextConnection()
        await fixture.service.stop()
        try await running.value
    }

    @Test func runThrowsWhenTheServiceGivesUpOrCannotStart() async throws {
        let fixture = Fixture([.connectionRefused], reconnect: .never)
        await #expect { try await fixture.service.run() } throws: { ($0 as? SocketServiceError)?.code == .gaveUp }
        await fixture.service.stop()
        await #expect { try await fixture.service.run() } throws: { ($0 as? SocketServiceError)?.code == .stopped }
        let bad = Fixture(urls: ["nonsense"])
        await #expect(throws: WebSocketError.self) { try await bad.service.run() }
        #expect(bad.service.life.core.withLock { $0.endWaiters.isEmpty })
        await bad.service.stop()
    }

    @Test func cancellingRunStopsTheServiceAtOnce() async throws {
        let fixture = Fixture()
        let (service, transport) = (fixture.service, fixture.transport)
        service.onOpen { _ in transport.connections[0].holdSends() }
        try await service.send("left")
        let running = Task { try await service.run() }
        let peer = try await transport.nextConnection()
        await until { peer.heldSendCount == 1 }
        running.cancel()
        try await running.value
        try await fixture.events.next { $0 == "dropped left closed" }
        #expect(fixture.service.state == .closed)
        #expect(peer.closure?.sent?.code == .goingAway)
    }

    #if ServiceLifecycleSupport
        @Test func aGracefulShutdownSendsWhatIsQueuedAndGoesAway() async throws {
            let fixture = Fixture([.connectionRefused])
            let service = fixture.service
            try await service.send("queued")
            let group = ServiceGroup(
                configuration: .init(services: [.init(service: service)], logger: .silent))
            let running = Task { try await group.run() }
            try await fixture.events.next { $0.hasPrefix("waiting") }
            await group.triggerGracefulShutdown()
            await until { service.outbox.flushCount == 1 }
            fixture.clock.advance(by: .seconds(1))
            let peer = try await fixture.transport.nextConnection()
            #expect(try await peer.nextSent() == .text("queued"))
            try await running.value
            #expect(peer.closure?.sent?.code == .goingAway)
        }
    #endif

    @Test func shutDownGivesUpSendingAtItsDeadline() async throws {
        let fixture = Fixture(afterwards: .hang)
        try await fixture.service.start()
        try await fixture.service.send("kept")
        async let leftovers = fixture.service.shutDown(within: .seconds(3))
        try await fixture.clock.advance(toSleeperIn: .seconds(3))
        #expect(await leftovers == [.text("kept")])
    }

    @Test func shutDownWithNothingToSendWaitsForNothing() async throws {
        for outcome in [ScriptedTransport.Outcome.open(), .hang, .connectionRefused] {
            let fixture = Fixture(afterwards: outcome)
            try await fixture.service.start()
            #expect(await fixture.service.shutDown() == [])
            #expect(fixture.service.state == .closed)
        }
    }

    @Test func aServiceForTheTimeOfAClosure() async throws {
        let fixture = Fixture()
        let outcome = try await withSocketService(fixture.service) { try await $0.send("queued") }
        #expect(outcome == .queued)
        #expect(fixture.transport.connections.first?.sent == [.text("queued")], "sent before the end")
        #expect(fixture.service.state == .closed)

        struct Failure: Error {}
        let failing = Fixture([.hang])
        let dropped = Recorder<String>()
        failing.service.onDropped { dropped.add("\($0.text ?? "") \($1)") }
        await #expect(throws: Failure.self) {
            try await withSocketService(failing.service) { service in
                try await service.send("never")
                throw Failure()
            }
        }
        #expect(failing.service.state == .closed)
        #expect(dropped.all == ["never closed"], "nobody gets what was left, so it is reported")
    }

    @Test func stopWaitsForWhoeverIsTellingOfADrop() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1))
        let service = fixture.service
        let telling = Completion<Void>()
        let proceed = Mutex(false)
        service.onDropped { _, _ in
            telling.succeed()
            while !proceed.withLock({ $0 }) { usleep(100) }
        }
        try await service.send("first")
        let sending = Task { try await service.send("second") }
        try await telling.value()
        let stopping = Task { await service.stop() }
        await until { service.outbox.state.withLock { !$0.reportWaiters.isEmpty } }
        #expect(!fixture.events.all.contains { $0.hasPrefix("stopped") })
        proceed.withLock { $0 = true }
        #expect(await stopping.value == [.text("second")])
        #expect(try await sending.value == .queued)
        try await fixture.events.next { $0 == "end of events" }
        #expect(fixture.events.all == ["dropped first queueFull", "stopped 0", "end of events"])
    }

    /// Removing a handler lets go of what it holds, which may use the service as it goes.
    @Test func aHandlersOwnerMayCancelItsRegistrationAsItGoes() async throws {
        final class Owner: Sendable {
            let registration = Mutex<Registration?>(nil)
            deinit { registration.withLock { $0?.cancel() } }
        }
        let fixture = Fixture()
        for remove: (SocketService) async -> Void in [{ $0.unregister("x") }, { await $0.stop() }] {
            weak var owner: Owner?
            do {
                let strong = Owner()
                owner = strong
                let registration = fixture.service.register("x") { _ in _ = strong }
                strong.registration.withLock { $0 = registration }
            }
            #expect(owner != nil)
            await remove(fixture.service)
            await until { owner == nil }
        }
    }

    @Test(
        "Whoever listens to a service that is let go of is told that it is over",
        arguments: ["never started", "paused", "gave up"])
    func lettingGo(state: String) async throws {
        let executor = TestExecutor()
        var options = SocketService.Options(clock: ManualClock(), logger: .silent, taskExecutor: executor)
        options.name = "let go"
        let transport = ScriptedTransport(state == "gave up" ? [.connectionRefused] : [])
        let handled = Recorder<String>()
        var service: SocketService? = SocketService(
            "wss://feed/", transport: transport, reconnect: .never, options: options)
        service?.onMessage { handled.add($0.text ?? "") }
        weak let gone = service
        let events = try #require(service).events
        let telling = Task(executorPreference: executor) {
            await events.reduce(into: [String]()) { $0.append($1.summary) }
        }
        switch state {
        case "paused":
            try await service?.start(waitingForOpen: true)
            try await transport.nextConnection().deliver("a")
            try await executor.untilQuiet()
            await service?.pause()
        case "gave up":
            try await service?.start()
            try await executor.untilQuiet()
        default: break
        }
        try await service?.send("never sent")
        service = nil
        try await executor.untilQuiet()
        #expect(gone == nil)
        let told = await telling.value
        #expect(told.last == "stopped 0")
        if state == "paused" { #expect(handled.all == ["a"]) }
    }
}

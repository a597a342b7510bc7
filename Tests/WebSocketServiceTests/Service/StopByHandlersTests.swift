import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

/// Handlers that end the connection, or the service, themselves.
@Suite("stop() by handlers", .timeLimit(.minutes(10))) struct StopByHandlersTests {
    @Test("onOpen that stops or pauses the service is not cancelled by that", arguments: ["stop", "pause"])
    func byOnOpen(call: String) async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let service = fixture.service
        let calls = Recorder<String>()
        service.onOpen { _ in
            if call == "stop" { await service.stop() } else { await service.pause() }
            calls.add("cancelled: \(Task.isCancelled)")
            await Task.yield()
            calls.add("cancelled: \(Task.isCancelled)")
        }
        service.onOpen { _ in calls.add("second") }
        service.onClose { _ in calls.add("close") }
        try await service.start()
        try await executor.untilQuiet()
        #expect(
            calls.all == ["cancelled: false", "cancelled: false"] + (call == "stop" ? ["close"] : ["second", "close"]))
        await service.stop()
    }

    @Test("shutDown() by a handler does not wait for what comes after the handler", arguments: ["handler", "loop"])
    func shutDownAsTheConnectionGoes(caller: String) async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let (service, transport) = (fixture.service, fixture.transport)
        let unsent = Recorder<[WebSocketMessage]>()
        service.onOpen { _ in try await transport.nextConnection().holdSends() }
        if caller == "handler" {
            service.onMessage { if $0.text == "go" { unsent.add(await service.shutDown()) } }
        } else {
            Task(executorPreference: executor) {
                for await message in service.messages where message.text == "go" {
                    unsent.add(await service.shutDown())
                }
            }
            try await executor.untilQuiet()
        }
        try await service.send("drains")
        try await service.start(waitingForOpen: true)
        try await executor.untilQuiet()
        let peer = transport.connections[0]
        for text in ["go"] + Array(repeating: "busy", count: 10) { peer.deliver(text) }
        try await executor.untilQuiet()
        #expect(unsent.all.isEmpty, "it has its time")
        peer.abort()
        try await executor.untilQuiet()
        #expect(unsent.all == [[.text("drains")]])
        #expect(fixture.clock.now.sinceStart == .zero)
        await service.stop()
    }

    @Test("shutDown() by a handler lets a peer be read that takes nothing before that")
    func shutDownWhileThePeerIsRead() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor, configure: { $0.inboxLimit = 2 })
        let (service, transport) = (fixture.service, fixture.transport)
        let unsent = Recorder<[WebSocketMessage]>()
        service.onOpen { _ in try await transport.nextConnection().holdSends() }
        service.onMessage { if $0.text == "go" { unsent.add(await service.shutDown()) } }
        try await service.send("drains")
        try await service.start(waitingForOpen: true)
        try await executor.untilQuiet()
        let peer = transport.connections[0]
        for text in ["go"] + Array(repeating: "busy", count: 10) { peer.deliver(text) }
        try await executor.untilQuiet()
        #expect(peer.unreadCount == 0)
        peer.releaseSends()
        try await executor.untilQuiet()
        #expect(unsent.all == [[]])
        #expect(peer.sent == [.text("drains")])
    }

    @Test("onClose has a task that is not cancelled, also where it waits already for a handler that stop() cancels")
    func onCloseAfterACancelledHandler() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let (service, proceed) = (fixture.service, Completion<Void>())
        let calls = Recorder<String>()
        service.onMessage { _ in
            // It ignores that it is cancelled.
            _ = await Task.detached(executorPreference: executor) { try await proceed.value() }.result
            calls.add("cancelled: \(Task.isCancelled)")
        }
        service.onClose { _ in calls.add("close, cancelled: \(Task.isCancelled)") }
        let peer = try await fixture.open()
        peer.deliver("go")
        try await executor.untilQuiet()
        let stopping = Task(executorPreference: executor) { await service.stop() }
        try await executor.untilQuiet()
        #expect(fixture.events.all.contains("closed 1000"))
        #expect(calls.all.isEmpty)
        proceed.succeed()
        _ = await stopping.value
        #expect(calls.all == ["cancelled: true", "close, cancelled: false"])
    }

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

    @Test("stop() by a child of a handler that was cancelled before does not wait for that handler")
    func byAChildOfACancelledHandler() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor) { $0.closeTimeout = .seconds(3_600) }
        let service = fixture.service
        let calls = Recorder<String>()
        let dropped = Completion<Void>()
        service.onOpen { _ in
            try? await dropped.value(onCancel: {})
            calls.add("cancelled: \(Task.isCancelled)")
            async let unsent = service.stop()
            _ = await unsent
            calls.add("stopped")
        }
        let peer = try await fixture.open()
        try await executor.untilQuiet()
        peer.abort()
        try await executor.untilQuiet()
        dropped.succeed()
        try await executor.untilQuiet()
        #expect(calls.all == ["cancelled: true", "stopped"])
        #expect(service.state == .closed)
        await service.stop()
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

    @Test("The messages behind a handler that ignores stop() are told as unseen")
    func unseenBehindAStubbornHandler() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let (service, proceed) = (fixture.service, Completion<Void>())
        service.onMessage { _ in
            _ = await Task.detached(executorPreference: executor) { try await proceed.value() }.result
        }
        let peer = try await fixture.open()
        peer.deliver("1", "2", "3")
        peer.deliver("4")
        try await executor.untilQuiet()
        let stopping = Task(executorPreference: executor) { await service.stop() }
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        _ = await stopping.value
        try await fixture.events.next { $0 == "stopped 3" }
        proceed.succeed()
        try await executor.untilQuiet()
        #expect(service.dispatcher.unseenCount == 3, "each once")
    }

    @Test(
        "After a handler has stopped the service, no other one gets the message",
        arguments: ["onMessage", "route", "onUnhandled"])
    func othersAreNotCalled(first: String) async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let (service, calls) = (fixture.service, Recorder<String>())
        @Sendable func stop() async {
            calls.add("stops")
            await service.stop()
        }
        switch first {
        case "onMessage": service.onMessage { _ in await stop() }
        case "route": service.register("a") { _ in await stop() }
        default: service.onUnhandled { _, _ in await stop() }
        }
        if first == "onMessage" { service.onMessage { _ in calls.add("second hook") } }
        service.register("a") { _ in calls.add("second callback") }
        service.onUnhandled { _, _ in calls.add("unhandled") }
        service.onClose { _ in calls.add("close") }
        let peer = try await fixture.open()
        peer.deliver(first == "onUnhandled" ? "no route" : #"{"socketType":"a"}"#)
        try await executor.untilQuiet()
        #expect(calls.all == ["stops", "close"])
    }

    @Test("After onMessage has stopped the service, nobody waits for a loop that is busy")
    func aBusyLoop() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let (service, taken, release) = (fixture.service, Recorder<String>(), Completion<Void>())
        service.onMessage { if $0.text == "stop" { await service.stop() } }
        Task(executorPreference: executor) {
            for await message in service.messages {
                taken.add(message.text ?? "")
                try await release.value()
            }
        }
        try await executor.untilQuiet()
        try await fixture.open().deliver("busy", "stop")
        try await fixture.events.next { $0 == "end of events" }
        #expect(taken.all == ["busy"])
        #expect(fixture.clock.now.sinceStart == .zero)
        release.succeed()
    }

    @Test("A handler that throws after it has stopped the service is not told to onError")
    func throwingAfterStop() async throws {
        struct Failure: Error {}
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor)
        let (service, calls) = (fixture.service, Recorder<String>())
        service.onMessage { _ in
            await service.stop()
            throw Failure()
        }
        service.onError { _ in calls.add("error") }
        service.onClose { _ in calls.add("close") }
        try await fixture.open().deliver("a")
        try await executor.untilQuiet()
        #expect(calls.all == ["close"])
        try await fixture.events.next { $0 == "error handlerFailed" }
    }

    @Test("onOpen that pauses the service at once is not cancelled by that, also where tasks run where they start")
    func byOnOpenAtOnce() async throws {
        let service = SocketService(
            "wss://feed/", transport: ScriptedTransport(),
            options: SocketService.Options(clock: ManualClock(), logger: .silent, taskExecutor: InlineExecutor()))
        let calls = Recorder<String>()
        service.onOpen { _ in
            await service.pause()
            calls.add("cancelled: \(Task.isCancelled)")
        }
        try await service.start()
        #expect(try await calls.next() == "cancelled: false")
        await service.stop()
    }
}

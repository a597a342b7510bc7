import Synchronization
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

/// A handler must not wait for what needs its return. All is quiet before anything is looked at.
@Suite("Handlers that wait", .timeLimit(.minutes(10))) struct HandlersThatWaitTests {
    private let executor = TestExecutor()

    /// A connection that takes nothing of a queue that has room for no more than what is being drained.
    private func openDraining(_ fixture: Fixture) async throws -> ScriptedConnection {
        let transport = fixture.transport
        fixture.service.onOpen { _ in try await transport.nextConnection().holdSends() }
        try await fixture.service.send("drains")
        try await fixture.service.start(waitingForOpen: true)
        try await executor.untilQuiet()
        let peer = transport.connections[0]
        #expect(peer.heldSendCount == 1)
        return peer
    }

    @Test(
        "A handler that waits for room while the queue drains does not keep a peer waiting that is to be read first",
        arguments: ServiceCall.allCases)
    private func whileTheQueueDrains(call: ServiceCall) async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1), executor: executor, configure: { $0.inboxLimit = 2 })
        let service = fixture.service
        let results = Recorder<String>()
        service.onMessage { if $0.text == "go" { results.add(await call.make(over: service)) } }
        let peer = try await openDraining(fixture)
        for text in ["go"] + Array(repeating: "busy", count: 10) { peer.deliver(text) }
        try await executor.untilQuiet()
        #expect(peer.unreadCount == 0)
        peer.releaseSends()
        try await executor.untilQuiet()
        if call == .request { peer.deliver(#"{"id":"q"}"#) }
        try await executor.untilQuiet()
        #expect(results.all == [call == .send ? "queued" : #"{"id":"q"}"#])
        await service.stop()
    }

    @Test(
        "Where such a peer sends more than the inbox holds, the handler is told at once",
        arguments: ServiceCall.allCases)
    private func whileTheQueueDrainsAndTheInboxIsFull(call: ServiceCall) async throws {
        let fixture = Fixture(
            queue: QueuePolicy(limit: 1), executor: executor, configure: { $0.inboxByteLimit = 1_000 })
        let service = fixture.service
        let results = Recorder<String>()
        service.onMessage { if $0.text == "go" { results.add(await call.make(over: service)) } }
        let peer = try await openDraining(fixture)
        for text in ["go"] + Array(repeating: "busy", count: 100) { peer.deliver(text) }
        try await executor.untilQuiet()
        #expect(results.all == ["inboxFull"])
        #expect(peer.unreadCount == 0, "the handlers have seen the rest meanwhile")
        #expect(service.outbox.waiterCount == 0)
        peer.releaseSends()
        try await executor.untilQuiet()
        #expect(peer.sent == [.text("drains")], "the message was taken back")
        await service.stop()
    }

    // MARK: Other services

    @Test(
        "A handler that waits for room in another service lets its own peer be read, up to the limit on bytes",
        arguments: [false, true])
    func overAnotherService(isConnected: Bool) async throws {
        let (inbox, target) = (
            Fixture(executor: executor, configure: { ($0.inboxLimit, $0.inboxByteLimit) = (2, 10_000) }),
            Fixture(queue: QueuePolicy(limit: 1, overflow: .suspend), executor: executor)
        )
        let results = Recorder<String>()
        inbox.service.onMessage { message in
            if message.text == "go" { results.add(await ServiceCall.send.make(over: target.service)) }
        }
        let peer = try await inbox.open()
        let other = isConnected ? try await target.open() : nil
        try await executor.untilQuiet()
        other?.holdSends()
        if !isConnected { try await target.service.send("fills the queue") }
        peer.deliver("go")
        for _ in 0..<5 { peer.deliver("more") }
        try await executor.untilQuiet()
        #expect(peer.unreadCount == 0, "beyond the limit on messages")
        #expect(results.all == [])
        for _ in 0..<3 { peer.deliver(String(repeating: "x", count: 5_000)) }
        try await executor.untilQuiet()
        #expect(results.all == ["inboxFull"])
        #expect(peer.unreadCount == 0, "the handlers have seen the rest meanwhile")
        other?.releaseSends()
        await inbox.service.stop()
        await target.service.stop()
    }

    // MARK: Loops

    // MARK: Requests

    @Test("What an old connection still brings answers nothing that was asked on the next one")
    func theBacklogOfAnOldConnection() async throws {
        let fixture = Fixture(executor: executor, configure: { $0.inboxLimit = 1 })
        let service = fixture.service
        let (proceed, answers) = (Completion<Void>(), Recorder<String>())
        service.onMessage { if $0.text == "slow" { try await proceed.value() } }
        let peer = try await fixture.open()
        for text in ["slow", "fills the inbox", #"{"socketType":"status","x":1}"#, #"{"id":"q","x":1}"#] {
            peer.deliver(text)
        }
        try await executor.untilQuiet()
        #expect(peer.unreadCount == 2)
        peer.abort()
        try await executor.untilQuiet()
        fixture.clock.advance(by: .seconds(1))
        let next = try await fixture.transport.nextConnection()
        Task(executorPreference: executor) {
            async let byRoute = service.request(message: .text("{}"), reply: "status", correlated: false)
            async let byID = service.request(message: .text(#"{"id":"q"}"#))
            for answer in try await [byRoute, byID] { answers.add(answer.text ?? "") }
        }
        try await executor.untilQuiet()
        #expect(next.sent.count == 2)
        proceed.succeed()
        try await executor.untilQuiet()
        #expect(peer.unreadCount == 0)
        #expect(service.requests.sentCount == 2)
        next.deliver(#"{"socketType":"status","x":2}"#, #"{"id":"q","x":2}"#)
        #expect(try await answers.next(2) == [#"{"socketType":"status","x":2}"#, #"{"id":"q","x":2}"#])
        await service.stop()
    }

    @Test("A task that a handler started is outside once that handler has returned, though the batch goes on")
    func aTaskOfAHandlerThatHasReturned() async throws {
        let fixture = Fixture(executor: executor)
        let service = fixture.service
        let (begin, proceed, results) = (Completion<Void>(), Completion<Void>(), Recorder<String>())
        service.onOpen { _ in }
        service.onMessage { [executor] message in
            if message.text == "1" {
                Task(executorPreference: executor) {
                    try await begin.value()
                    results.add(await ServiceCall.request.make(over: service))
                }
            } else {
                try await proceed.value()
            }
        }
        let peer = try await fixture.open()
        try await executor.untilQuiet()
        peer.deliver("1", "2")
        try await executor.untilQuiet()
        peer.abort()
        try await executor.untilQuiet()
        begin.succeed()
        try await executor.untilQuiet()
        #expect(results.all.isEmpty)
        proceed.succeed()
        fixture.clock.advance(by: .seconds(1))
        let next = try await fixture.transport.nextConnection()
        #expect(try await next.nextSent() == .text(#"{"id":"q"}"#))
        next.deliver(#"{"id":"q"}"#)
        #expect(try await results.next() == #"{"id":"q"}"#)
        await service.stop()
    }

    @Test("A handler's request that was being handed to a connection as that was lost fails at once")
    func aRequestThatWasBeingHandedOver() async throws {
        let transport = HesitantTransport()
        let clock = ManualClock()
        let service = SocketService(
            "wss://feed.example.com", transport: transport, reconnect: .fixed(.seconds(1)), heartbeat: .off,
            options: SocketService.Options(clock: clock, logger: .silent, taskExecutor: executor))
        let results = Recorder<String>()
        service.onOpen { _ in }
        service.onMessage { _ in results.add(await ServiceCall.request.make(over: service)) }
        try await service.start(waitingForOpen: true)
        let peer = try await transport.scripted.nextConnection()
        try await executor.untilQuiet()
        peer.deliver("go")
        try await executor.untilQuiet()
        #expect(transport.hesitating.all.count == 1)
        peer.abort()
        try await executor.untilQuiet()
        #expect(service.state == .reconnecting)
        for hesitating in transport.hesitating.all { hesitating.succeed() }
        try await executor.untilQuiet()
        #expect(results.all == ["handlerMustReturn"])
        await service.stop()
    }
}

/// A scripted transport whose connections say whether they take a message only when they are told to.
private final class HesitantTransport: SocketTransport {
    let scripted = ScriptedTransport()
    let hesitating = Recorder<Completion<Void>>()

    func validate(_ request: ConnectRequest) throws { try scripted.validate(request) }
    func connect(to request: ConnectRequest) async throws -> any SocketConnection {
        Connection(connection: try await scripted.connect(to: request), hesitating: hesitating)
    }

    private struct Connection: SocketConnection {
        let connection: any SocketConnection
        let hesitating: Recorder<Completion<Void>>

        var handshake: HandshakeResponse { connection.handshake }
        var closure: WebSocketClosure? { connection.closure }
        var closeError: (any Error)? { connection.closeError }
        var bytesReceived: UInt64 { connection.bytesReceived }
        func nextMessages() async throws -> [WebSocketMessage]? { try await connection.nextMessages() }
        func send(_ message: WebSocketMessage) async throws { try await connection.send(message) }
        func sendWithoutWaiting(_ message: WebSocketMessage) async throws -> Bool {
            let told = Completion<Void>()
            hesitating.add(told)
            try await told.value()
            return try await connection.sendWithoutWaiting(message)
        }
        func ping() async throws -> Duration { try await connection.ping() }
        func close(code: CloseCode, reason: String) async -> WebSocketClosure {
            await connection.close(code: code, reason: reason)
        }
        func abort() { connection.abort() }
        func ended() async throws -> WebSocketClosure { try await connection.ended() }
    }
}

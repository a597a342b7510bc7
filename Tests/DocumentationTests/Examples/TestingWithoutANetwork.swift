import Testing
import WebSocketTesting

@Suite(.timeLimit(.minutes(10))) struct TestingWithoutANetwork {
    @Test func aPriceIsConfirmed() async throws {
        let transport = ScriptedTransport()
        let service = SocketService("wss://feed.example.com", transport: transport)
        service.register("price") { [weak service] _ in try await service?.send("got it") }
        try await service.start()

        let peer = try await transport.nextConnection()
        peer.deliver(#"{"socketType":"price","cents":250}"#)
        #expect(try await peer.nextSent().text == "got it")

        await service.stop()
    }

    @Test func theServiceIsBackAfterARefusal() async throws {
        let clock = ManualClock()
        let transport = ScriptedTransport([.refuse(.serviceUnavailable, retryAfter: .seconds(30))])
        let service = SocketService(
            "wss://feed.example.com", transport: transport,
            reconnect: .fixed(.seconds(1)), heartbeat: .off,
            options: SocketService.Options(clock: clock))
        try await service.start()

        try await clock.advance(toSleeperIn: .seconds(31))
        _ = try await transport.nextConnection()

        await service.stop()
    }

    @Test func jitterIsTheSameEachTime() {
        let options = SocketService.Options(clock: ManualClock(), generator: SeededGenerator(seed: 7))
        _ = options
    }

    @Test func ordersSurviveAnOutage() async throws {
        let clock = ManualClock()
        let transport = ScriptedTransport()
        let service = SocketService(
            "wss://shop.example.com", transport: transport,
            reconnect: .fixed(.seconds(1)), heartbeat: .off,
            options: SocketService.Options(clock: clock))
        let events = service.events
        try await service.start()
        try await transport.nextConnection().abort()
        for await event in events {
            if case .waiting = event { break }
        }

        #expect(try await service.send("order 1") == .queued)
        try await clock.advance(toSleeperIn: .seconds(1))
        #expect(try await transport.nextConnection().nextSent().text == "order 1")

        await service.stop()
    }

    @Test func noPingBeforeItsTime() async throws {
        let clock = ManualClock()
        let executor = TestExecutor()
        let transport = ScriptedTransport()
        let service = SocketService(
            "wss://feed.example.com", transport: transport, heartbeat: .ping(every: .seconds(30)),
            options: SocketService.Options(clock: clock, taskExecutor: executor))
        try await service.start()
        let peer = try await transport.nextConnection()

        try await executor.untilQuiet()
        clock.advance(by: .milliseconds(29_999))
        try await executor.untilQuiet()
        #expect(peer.pingCount == 0)
        clock.advance(by: .milliseconds(1))
        try await executor.untilQuiet()
        #expect(peer.pingCount == 1)

        await service.stop()
    }
}

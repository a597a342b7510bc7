import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

/// Handlers of a connection that is over.
extension CannotHangTests {
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
        let isFirst = Lock(true)
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
        peer.abort()
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
                    calls.add("\((error as? SocketServiceError)?.dropReason?.rawValue ?? "\(error)")")
                }
            }
        }
        service.onClose { _ in calls.add("close") }
        let peer = try await fixture.open()
        try await entered.value()
        try await service.send("queued")
        let next = try await reconnect(fixture, from: peer)
        let dropped = "dropped(the connection that it was meant for has ended)"
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
}

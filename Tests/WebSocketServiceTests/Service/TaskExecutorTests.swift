import Testing
import WebSocketTesting

@testable import WebSocketService

/// The promises of the test kit to tests of services.
@Suite("Services on a test executor", .timeLimit(.minutes(10))) struct TaskExecutorTests {
    @Test("After an abort the clock is moved to the wait that is meant, not to the old connection's heartbeat")
    func theSleeperThatIsMeant() async throws {
        for _ in 0..<200 {
            let fixture = Fixture(reconnect: .fixed(.seconds(1)), heartbeat: .ping(every: .seconds(30)))
            let peer = try await fixture.open()
            try await fixture.clock.waitForSleepers()
            peer.abort()
            try await fixture.clock.advance(toSleeperIn: .seconds(1))
            _ = try await fixture.transport.nextConnection()
            #expect(fixture.clock.now.sinceStart == .seconds(1))
            await fixture.service.stop()
        }
    }

    @Test("Once the executor is quiet, everything that a service does by itself is done")
    func quiet() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(heartbeat: .ping(every: .seconds(30)), executor: executor)
        let handled = Recorder<String>()
        let hold = Completion<Void>()
        fixture.service.onMessage { message in
            handled.add(message.text ?? "")
            if message.text == "hold" { try await hold.value() }
        }
        let peer = try await fixture.open()
        for number in 0..<100 { peer.deliver("\(number)") }
        try await executor.untilQuiet()
        #expect(handled.all.count == 100)
        #expect(peer.unreadCount == 0)
        // Nothing happens before its time, and everything at it.
        fixture.clock.advance(by: .milliseconds(29_999))
        try await executor.untilQuiet()
        #expect(peer.pingCount == 0)
        fixture.clock.advance(by: .milliseconds(1))
        try await executor.untilQuiet()
        #expect(peer.pingCount == 1)
        peer.deliver("hold", "behind")
        try await executor.untilQuiet()
        #expect(handled.all.last == "hold", "the next message waits for the handler")
        hold.succeed()
        try await executor.untilQuiet()
        #expect(handled.all.last == "behind")
        peer.abort()
        try await executor.untilQuiet()
        #expect(fixture.service.state == .reconnecting)
        #expect(fixture.clock.nextDeadline == .init(sinceStart: .seconds(31)), "the heartbeat's sleep is over")
        await fixture.service.stop()
        try await executor.untilQuiet()
        #expect(fixture.clock.sleeperCount == 0)
        #expect(fixture.events.all.last == "end of events")
    }
}

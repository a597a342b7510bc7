import CoreMetrics
import Foundation
import Logging
import MetricsTestKit
import Synchronization
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("Statistics and metrics", .timeLimit(.minutes(10))) struct StatisticsAndMetricsTests {
    @Test("Counters, gauges and timers agree with the statistics on what happened")
    func countersGaugeAndTimerSayWhatHappened() async throws {
        let metrics = TestMetrics()
        let fixture = Fixture(
            [.connectionRefused], heartbeat: .ping(), queue: QueuePolicy(limit: 1),
            configure: {
                $0.metrics = metrics
                $0.name = "feed"
                // Not when the heartbeat's sleep ends.
                $0.attemptTimeout = .seconds(3_600)
            })
        let service = fixture.service
        try await service.send("dropped")
        try await service.send("123")
        try await service.start()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        fixture.clock.advance(by: .seconds(1))
        let peer = try await fixture.transport.nextConnection()
        await fixture.untilDirect()
        peer.deliver("12", "34567")
        try await fixture.events.next { $0.hasPrefix("unhandled nil 34567") }
        peer.answerPings(after: .milliseconds(7))
        try await fixture.clock.advance(toSleeperIn: .seconds(30))
        try await fixture.events.next { $0.hasPrefix("round trip") }

        func total(_ name: String) throws -> Int64 {
            try metrics.expectCounter("websocket_service_\(name)", [("service", "feed")]).totalValue
        }
        #expect(try total("connection_attempts_total") == 2)
        #expect(try total("connections_opened_total") == 1)
        func reasons(_ name: String) throws -> [String: Int64] {
            Dictionary(
                uniqueKeysWithValues: metrics.counters.filter { $0.label == "websocket_service_\(name)" }.map {
                    ($0.dimensions.first { $0.0 == "reason" }?.1 ?? "", $0.totalValue)
                })
        }
        let failures = try reasons("connection_failures_total")
        #expect(failures.filter { $0.value > 0 } == ["connectFailed": 1])
        #expect(
            Set(failures.keys) == Set(ConnectionFailure.Kind.allCases.map { "\($0)" }), "each is there from the start")
        #expect(try total("messages_sent_total") == 1)
        #expect(try total("bytes_sent_total") == 3)
        #expect(try total("messages_received_total") == 2)
        #expect(try total("bytes_received_total") == 7)
        #expect(try reasons("messages_dropped_total").filter { $0.value > 0 } == ["queueFull": 1])
        #expect(try total("messages_unhandled_total") == 2)
        let depth = try metrics.expectGauge("websocket_service_queued_messages", [("service", "feed")])
        #expect(depth.lastValue == 0)
        let open = try metrics.expectMeter("websocket_service_open_connections", [("service", "feed")])
        #expect(open.lastValue == 1)
        let connectTime = try metrics.expectTimer("websocket_service_connect_time", [("service", "feed")])
        #expect(connectTime.values == [0])
        let lastMessage = try metrics.expectGauge(
            "websocket_service_last_message_timestamp_seconds", [("service", "feed")])
        #expect(abs((lastMessage.lastValue ?? 0) - Date.now.timeIntervalSince1970) < 3_600)
        let roundTrip = try metrics.expectTimer("websocket_service_round_trip", [("service", "feed")])
        #expect(roundTrip.lastValue == 7_000_000)

        var expected = SocketStatistics()
        expected.attempts = 2
        expected.connectionsOpened = 1
        expected.failures = 1
        expected.messagesSent = 1
        expected.bytesSent = 3
        expected.messagesReceived = 2
        expected.bytesReceived = 7
        expected.messagesDropped = 1
        expected.messagesUnhandled = 2
        expected.roundTripTime = RoundTripTime(first: .milliseconds(7))
        #expect(service.statistics == expected)
        #expect(
            "\(service.statistics)" == """
                2 attempts, 1 connection, 1 failure; sent 1 message (3 bytes), received 2 (7 bytes); 0 queued, 1 dropped, \
                2 unhandled; last round trip 7 ms
                """)
        await service.stop()
        #expect(open.lastValue == 0)
    }

    @Test("A connection counts as open until it ends, whoever ends it", arguments: ["abort", "pause"])
    func openConnections(end: String) async throws {
        let metrics = TestMetrics()
        let fixture = Fixture(configure: { $0.metrics = metrics })
        let open = try metrics.expectMeter("websocket_service_open_connections", [("service", "feed.example.com")])
        let peer = try await fixture.open()
        #expect(open.lastValue == 1)
        if end == "abort" {
            peer.abort()
            try await fixture.events.next { $0.hasPrefix("waiting") }
        } else {
            await fixture.service.pause()
        }
        #expect(open.lastValue == 0)
        await fixture.service.stop()
        #expect(open.values == [1, 0])
    }

    @Test("The time to connect is that of the attempt which succeeded")
    func connectTime() async throws {
        let metrics = TestMetrics()
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        let clock = ManualClock()
        let service = SocketService(
            transport: ScriptedTransport(), options: SocketService.Options(name: "feed", clock: clock, metrics: metrics)
        ) { _ in
            entered.succeed()
            try await proceed.value()
            return ConnectRequest(url: "ws://feed.example.com")
        }
        let starting = Task { try await service.start(waitingForOpen: true) }
        try await entered.value()
        clock.advance(by: .milliseconds(250))
        proceed.succeed()
        try await starting.value
        await until {
            (try? metrics.expectTimer("websocket_service_connect_time", [("service", "feed")]).values) == [250_000_000]
        }
        await service.stop()
    }

    @Test("Meters are destroyed with the last service of their name")
    func metersAreDestroyed() async throws {
        let metrics = TestMetrics()
        func exist() -> Bool {
            (try? metrics.expectCounter("websocket_service_messages_sent_total", [("service", "feed")])) != nil
                || (try? metrics.expectGauge("websocket_service_queued_messages", [("service", "feed")])) != nil
                || (try? metrics.expectTimer("websocket_service_round_trip", [("service", "feed")])) != nil
        }
        var second: ServiceMeters?
        do {
            let fixture = Fixture(configure: {
                $0.metrics = metrics
                $0.name = "feed"
            })
            second = ServiceMeters(serviceName: "feed", factory: metrics)
            _ = try await fixture.open()
            await fixture.service.stop()
            #expect(exist())
        }
        // Another of the same name goes on counting.
        second?.sent(byteCount: 1)
        #expect(exist())
        second = nil
        await until { !exist() }
    }

    @Test("The gauge follows the queue also where nothing is sent")
    func theGaugeFollowsTheQueueAlsoWhereNothingIsSent() async throws {
        let metrics = TestMetrics()
        let fixture = Fixture([.hang], configure: { $0.metrics = metrics })
        let depth = try metrics.expectGauge("websocket_service_queued_messages", [("service", "feed.example.com")])
        try await fixture.service.start()
        try await fixture.service.send("kept")
        try await fixture.service.send("expires", delivery: .expiring(after: .seconds(5)))
        #expect(depth.lastValue == 2)
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        try await fixture.events.next { $0 == "dropped expires expired" }
        #expect(depth.lastValue == 1)
        let request = Task { try await fixture.service.request(message: .text("{}")) }
        await until { depth.lastValue == 2 }
        request.cancel()
        await #expect(throws: CancellationError.self) { try await request.value }
        #expect(depth.lastValue == 1)
        #expect(await fixture.service.stop() == [.text("kept")])
        #expect(depth.lastValue == 0)
    }
}

@Suite("Log lines", .timeLimit(.minutes(10))) struct LoggingTests {
    @Test("Log lines carry the service's name, and no credentials or token")
    func linesCarryTheServiceAndNoToken() async throws {
        let lines = LogLines()
        let fixture = Fixture(
            [.connectionRefused], urls: ["wss://user:secret@feed.example.com/stream?token=secret"],
            configure: { $0.logger = lines.logger() })
        try await fixture.service.start()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        await fixture.service.stop()
        #expect(lines.all.allSatisfy { $0.contains("websocket.service=feed.example.com") })
        #expect(
            lines.all.contains {
                $0.hasPrefix("info attempt 1 failed") && $0.contains("websocket.failure=")
                    && $0.contains("websocket.delay=1.0 seconds")
            })
        #expect(
            lines.all.contains { $0.hasPrefix("debug connecting") && $0.contains("url=wss://feed.example.com/stream") })
        #expect(!lines.all.contains { $0.contains("secret") }, "\(lines.all)")
    }
}

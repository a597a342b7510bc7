import CoreMetrics
import Foundation
import Logging
import MetricsTestKit
import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite(.timeLimit(.minutes(10))) struct EventBroadcasterTests {
    @Test("A subscriber gets every event from its subscription to the end, and none after that")
    func everySubscriberGetsEveryEventFromItsBeginningOn() async {
        let broadcaster = EventBroadcaster(bufferLimit: 10)
        let first = broadcaster.subscribe()
        broadcaster.send(.paused)
        let second = broadcaster.subscribe()
        broadcaster.finish(with: .stopped(unseen: 0))
        broadcaster.send(.paused)
        var (firstEvents, secondEvents) = ([String](), [String]())
        for await event in first { firstEvents.append(event.summary) }
        for await event in second { secondEvents.append(event.summary) }
        #expect(firstEvents == ["paused", "stopped 0"])
        #expect(secondEvents == ["stopped 0"])
        for await _ in broadcaster.subscribe() { Issue.record("nothing follows the end") }
    }

    @Test("A subscriber that lags loses the oldest events, and they are counted")
    func aSubscriberThatLagsLosesTheOldestAndThatIsCounted() async {
        let broadcaster = EventBroadcaster(bufferLimit: 3)
        let lagging = broadcaster.subscribe()
        for attempt in 1...4 { broadcaster.send(.waiting(.zero, attempt: attempt)) }
        broadcaster.finish(with: .stopped(unseen: 0))
        var events: [String] = []
        for await event in lagging { events.append(event.summary) }
        #expect(events == ["waiting 0.0 seconds for 3", "waiting 0.0 seconds for 4", "stopped 0"])
        #expect(broadcaster.droppedCount == 2)
    }

    @Test("A subscriber that left is forgotten") func aSubscriberThatLeftIsForgotten() async {
        let broadcaster = EventBroadcaster(bufferLimit: 1)
        do { _ = broadcaster.subscribe() }
        for _ in 1...5 { broadcaster.send(.paused) }
        #expect(broadcaster.droppedCount == 0)
    }
}

@Suite(.timeLimit(.minutes(10))) struct MessageSummaryTests {
    @Test(
        "A summary tells of a message without holding its payload",
        arguments: [
            ("", "", "\"\""), ("short", "short", "\"short\""),
            (String(repeating: "x", count: 64), String(repeating: "x", count: 64), nil),
            (String(repeating: "x", count: 65), String(repeating: "x", count: 64), nil),
            // Never within a character: 63 bytes and the first of two are 63.
            (String(repeating: "x", count: 63) + "é", String(repeating: "x", count: 63), nil),
            (String(repeating: "x", count: 61) + "😀", String(repeating: "x", count: 61), nil),
            (String(repeating: "x", count: 60) + "😀", String(repeating: "x", count: 60) + "😀", nil),
        ] as [(String, String, String?)])
    func summaries(text: String, beginning: String, description: String?) {
        let summary = MessageSummary(.text(text))
        #expect(summary.kind == .text)
        #expect(summary.byteCount == text.utf8.count)
        #expect(summary.beginning == beginning)
        if let description { #expect(summary.description == description) }
        let binary = MessageSummary(.binary(Array(text.utf8)))
        #expect(binary.kind == .binary)
        #expect(binary.beginning == "")
        #expect(binary.description == "\(text.utf8.count) bytes")
    }

    @Test("An idle subscriber holds neither payloads nor routes of the peer's making")
    func idleSubscriber() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1))
        let idle = fixture.service.events
        let large = String(repeating: "x", count: 1 << 20)
        for _ in 0..<3 { try await fixture.service.send(large) }
        let peer = try await fixture.open()
        peer.deliver(#"{"socketType":"\#(large)"}"#)
        try await fixture.events.next { $0.hasPrefix("unhandled") }
        await fixture.service.stop()
        var (dropped, unhandled) = (0, 0)
        for await event in idle {
            switch event {
            case .dropped(let message, _):
                dropped += 1
                #expect(message.byteCount == 1 << 20)
                #expect(message.beginning.utf8.count == MessageSummary.longestBeginning)
            case .unhandled(let message, let route):
                unhandled += 1
                #expect(message.beginning.utf8.count == MessageSummary.longestBeginning)
                #expect(route?.utf8.count == SocketEvent.longestRoute)
            default: break
            }
        }
        #expect(dropped == 2)
        #expect(unhandled == 1)
    }
}

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

@Suite struct SocketEventDescriptionTests {
    static let lost = ConnectionFailure.heartbeatTimeout(unanswered: 1)
    static let closure = WebSocketClosure(
        initiator: .remote, sent: nil, received: CloseFrame(code: .goingAway, reason: "the server stops"))

    @Test(
        "Events and ends print as a sentence, without secrets and without what moves a terminal's cursor",
        arguments: [
            (
                .connecting(attempt: 2, url: "wss://u:p@a.example/feed?token=s"),
                "connecting to wss://a.example/feed (attempt 2)"
            ),
            (
                .open(HandshakeResponse(headers: [:], subprotocol: "v2.feed")),
                "the connection is open, subprotocol v2.feed"
            ),
            (.open(HandshakeResponse(headers: [:])), "the connection is open"),
            (.failed(lost), "the peer left 1 heartbeat unanswered"),
            (.closed(.failed(lost)), "the connection has ended: the peer left 1 heartbeat unanswered"),
            (
                .closed(.closed(closure)),
                #"the connection has ended: the peer closed the connection with 1001 going away: "the server stops""#
            ),
            (.waiting(.milliseconds(2_140), attempt: 3), "attempt 3 begins in 2.1 s"),
            (.gaveUp(attempts: 1, lastError: lost), "gave up after 1 attempt: the peer left 1 heartbeat unanswered"),
            (.roundTrip(.milliseconds(12)), "a heartbeat was answered after 12 ms"),
            (.dropped(MessageSummary(.text("a")), .queueFull), #"dropped "a": the queue was full"#),
            (
                .unhandled(MessageSummary(.text("a\u{1B}[2J")), route: "\u{202E}x"),
                #"no handler for the route "\u{202E}x": "a\u{1B}[2J""#
            ),
            (.unhandled(MessageSummary(.binary([1, 2])), route: nil), "no route found in 2 bytes"),
            (.paused, "paused"),
            (.stopped(unseen: 0), "stopped"),
            (.stopped(unseen: 2), "stopped, with 2 messages that no handler has seen"),
        ] as [(SocketEvent, String)])
    func sentences(event: SocketEvent, words: String) {
        #expect("\(event)" == words)
    }
}

import HTTPTypes
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

/// Every number and duration of the public API, at its extremes: clamped or refused as documented, and never a trap.
@Suite("Public numbers at their extremes", .timeLimit(.minutes(10))) struct PublicNumbersTests {
    /// The settings of a case, to be used in one life of a service.
    struct Settings {
        var reconnect = ReconnectPolicy.fixed(.zero)
        var heartbeat = HeartbeatPolicy.off
        var queue = QueuePolicy()
        var delivery = Delivery.queued
        var requestTimeout = Duration.zero
        var shutdown: Duration? = .zero
        var retryAfter: Duration?
        var pingAnswer = Duration.milliseconds(1)
        var options = SocketService.Options(logger: .silent)
    }

    typealias DurationCase = (name: String, set: @Sendable (inout Settings, Duration) -> Void)
    typealias IntegerCase = (name: String, set: @Sendable (inout Settings, Int) -> Void)

    static let extremeDurations: [Duration] = [
        .seconds(Int64.max) * 18, .seconds(Int64.max) * -18, .seconds(Int64.max), .seconds(Int64.min), .longest,
        .nanoseconds(1), .zero, .nanoseconds(-1),
    ]
    static let extremeIntegers: [Int] = [.max, .min, 0, -1, 1]
    static let extremeDoubles: [Double] = [
        .nan, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude,
        Double(1).nextUp, 0, -1,
    ]

    static let durations: [DurationCase] = [
        ("Options.attemptTimeout", { $0.options.attemptTimeout = max($1, .seconds(30)) }),
        ("Options.closeTimeout", { $0.options.closeTimeout = $1 }),
        (
            "Options.shutdownTimeout",
            {
                $0.options.shutdownTimeout = $1
                $0.shutdown = nil
            }
        ),
        ("shutDown(within:)", { $0.shutdown = $1 }),
        ("request(timeout:)", { $0.requestTimeout = $1 }),
        ("Delivery.expiring(after:)", { $0.delivery = .expiring(after: $1) }),
        ("QueuePolicy.timeToLive", { $0.queue.timeToLive = $1 }),
        ("HeartbeatPolicy.ping(every:)", { $0.heartbeat = .ping(every: $1) }),
        (
            "HeartbeatPolicy.ping(timeout:)",
            { $0.heartbeat = .ping(every: .seconds(1), timeout: $1, beatsOnOpen: true) }
        ),
        ("HeartbeatPolicy.message(every:)", { $0.heartbeat = .message(.text("beat"), every: $1) }),
        ("HeartbeatPolicy.message(timeout:)", { $0.heartbeat = .message(.text("beat"), timeout: $1) }),
        (
            "SocketConnection.ping()",
            {
                $0.heartbeat = .ping(beatsOnOpen: true)
                $0.pingAnswer = $1
            }
        ),
        ("ReconnectPolicy.fixed", { $0.reconnect = .fixed($1) }),
        ("ReconnectPolicy.linear(step:)", { $0.reconnect = .linear(step: $1) }),
        ("ReconnectPolicy.exponential(initial:)", { $0.reconnect = .exponential(initial: $1) }),
        ("ReconnectPolicy.exponential(maximum:)", { $0.reconnect = .exponential(maximum: $1) }),
        ("ReconnectPolicy.exponential(initial:maximum:)", { $0.reconnect = .exponential(initial: $1, maximum: $1) }),
        ("ReconnectPolicy.custom", { settings, delay in settings.reconnect = .custom { _ in delay } }),
        (
            "ReconnectSchedule.custom",
            { settings, delay in
                settings.reconnect = ReconnectPolicy(schedule: .custom { _ in delay })
            }
        ),
        (
            "ReconnectPolicy.overrule",
            { settings, delay in
                settings.reconnect.overrule = { _, _ in .retry(after: delay) }
            }
        ),
        ("ReconnectPolicy.stableAfter", { $0.reconnect.stableAfter = $1 }),
        (
            "ReconnectPolicy.maximumRetryAfter",
            {
                $0.reconnect.maximumRetryAfter = $1
                $0.retryAfter = .seconds(5)
            }
        ),
        ("UpgradeRefusal.retryAfter", { $0.retryAfter = $1 }),
        (
            "UpgradeRefusal.retryAfter and ReconnectPolicy.maximumRetryAfter",
            {
                $0.reconnect = .fixed($1)
                $0.reconnect.maximumRetryAfter = $1
                $0.retryAfter = $1
            }
        ),
    ]

    static let integers: [IntegerCase] = [
        ("QueuePolicy.limit", { $0.queue.limit = $1 }),
        ("QueuePolicy.byteLimit", { $0.queue.byteLimit = $1 }),
        ("HeartbeatPolicy.missesAllowed", { $0.heartbeat = .ping(every: .zero, timeout: .zero, missesAllowed: $1) }),
        ("Options.eventBufferLimit", { $0.options.eventBufferLimit = $1 }),
        ("Options.inboxLimit", { $0.options.inboxLimit = $1 }),
        ("Options.inboxByteLimit", { $0.options.inboxByteLimit = $1 }),
        ("ReconnectPolicy.maximumRetries", { $0.reconnect.maximumRetries = $1 }),
    ]

    @Test("No duration traps in the life of a service, by a clock that stands still", arguments: durations.indices)
    func durationByManualClock(index: Int) async throws {
        for duration in Self.extremeDurations {
            var settings = Settings()
            Self.durations[index].set(&settings, duration)
            let clock = ManualClock()
            settings.options.clock = clock
            try await live(settings) { clock.advance(by: $0) }
        }
    }

    @Test("No duration traps in the life of a service, by the system's clock", arguments: durations.indices)
    func durationByContinuousClock(index: Int) async throws {
        for duration in Self.extremeDurations {
            var settings = Settings()
            Self.durations[index].set(&settings, duration)
            try await live(settings) { _ in }
        }
    }

    @Test("No integer traps in the life of a service", arguments: integers.indices)
    func integer(index: Int) async throws {
        for integer in Self.extremeIntegers {
            var settings = Settings()
            Self.integers[index].set(&settings, integer)
            try await live(settings) { _ in }
        }
    }

    /// Everything in which a duration plays a part: a refused attempt, a wait, a message that is queued, a request, a lost
    /// connection and the end.
    private func live(_ settings: Settings, advance: (Duration) -> Void) async throws {
        let transport = ScriptedTransport([.refuse(.serviceUnavailable, retryAfter: settings.retryAfter)])
        let service = SocketService(
            "wss://feed.example.com", transport: transport, reconnect: settings.reconnect,
            heartbeat: settings.heartbeat, queue: settings.queue, options: settings.options)
        let events = Recorder<String>()
        let stream = service.events
        let recording = Task { for await event in stream { events.add(event.summary) } }
        _ = try await service.send("queued", delivery: settings.delivery)
        try await service.start()
        _ = try await transport.nextRequest()
        try await events.next { $0.hasPrefix("waiting") || $0.hasPrefix("gave up") || $0 == "open" }
        service.reconnectNow()
        let peer = try await transport.nextConnection()
        peer.answerPings(after: settings.pingAnswer)
        _ = try await service.send("queued", delivery: settings.delivery)
        let request = Task {
            try await service.request(message: .text("{}"), timeout: settings.requestTimeout)
        }
        await Task.yield()
        advance(.seconds(1))
        advance(settings.requestTimeout.bounded)
        advance(.longest)
        request.cancel()
        _ = await request.result
        peer.abort()
        _ = try await peer.ended()
        await service.shutDown(within: settings.shutdown)
        await recording.value
        #expect(service.state == .closed)
    }

    @Test("Schedules give a delay from zero to a century, whatever they are made of and however often they failed")
    func schedules() {
        var generator = ConstantGenerator.highest
        var schedules: [ReconnectSchedule] = []
        for duration in Self.extremeDurations {
            schedules += [.linear(step: duration), .fixed(duration), .custom { _ in duration }]
            for jitter in ReconnectSchedule.Jitter.allCases {
                for multiplier in Self.extremeDoubles + [2] {
                    for maximum in Self.extremeDurations {
                        schedules.append(
                            .exponential(initial: duration, multiplier: multiplier, maximum: maximum, jitter: jitter))
                    }
                }
            }
        }
        let range = Duration.zero ... .longest
        for schedule in schedules {
            for failures in Self.extremeIntegers {
                for previous in [nil] + Self.extremeDurations.map(Optional.some) {
                    let delay = schedule.delay(
                        .init(failure: .refusedTCP, failuresBefore: failures, previousDelay: previous),
                        using: &generator)
                    guard let delay, range.contains(delay) else {
                        Issue.record("\(String(describing: delay)) after \(failures) failures by \(schedule)")
                        return
                    }
                }
            }
        }
    }

    @Test("Linear delays grow up to a century") func linearGrowsUpToACentury() {
        var generator = ConstantGenerator.lowest
        func delay(_ failures: Int) -> Duration? {
            ReconnectSchedule.linear(step: .seconds(1)).delay(
                .init(failure: .refusedTCP, failuresBefore: failures), using: &generator)
        }
        #expect(delay(999_999) == .seconds(1_000_000))
        #expect(delay(3_155_759_998) == .longest - .seconds(1))
        #expect(delay(3_155_759_999) == .longest)
        #expect(delay(.max) == .longest)
    }

    @Test("Round-trip times stay between zero and a century") func roundTripsAreBounded() {
        for first in Self.extremeDurations {
            var roundTrip = RoundTripTime(first: first)
            for sample in Self.extremeDurations { roundTrip.add(sample) }
            #expect(roundTrip.minimum >= .zero && roundTrip.maximum <= .longest)
        }
    }
}

internal import CoreMetrics
#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif
internal import Metrics
internal import LibWebSockets
internal import Synchronization

/// Counts what a service does: for its statistics, and for swift-metrics with the dimension `service`. Without the
/// service's lock.
final class ServiceMeters: Sendable {
    /// A number that only grows.
    private struct Total: ~Copyable, Sendable {
        private let value = Atomic<UInt64>(0)
        private let counter: Counter

        init(_ name: String, _ dimensions: [(String, String)], _ factory: any MetricsFactory) {
            counter = Counter(label: "websocket_service_\(name)", dimensions: dimensions, factory: factory)
        }

        func add(_ count: Int = 1) {
            value.add(UInt64(count), ordering: .relaxed)
            counter.increment(by: count)
        }

        var current: UInt64 { value.load(ordering: .relaxed) }

        func destroy() {
            counter.destroy()
        }
    }

    /// A number that only grows, with a counter of its own for each reason in the dimension `reason`. All of them are there from
    /// the beginning, so that a rate over them begins at zero.
    private struct TotalByReason<Reason: Hashable & CaseIterable & Sendable & RawRepresentable<String>>: ~Copyable,
        Sendable
    {
        private let value = Atomic<UInt64>(0)
        private let counters: [Reason: Counter]

        init(_ name: String, _ dimensions: [(String, String)], _ factory: any MetricsFactory) {
            counters = Dictionary(
                uniqueKeysWithValues: Reason.allCases.map { reason in
                    let dimensions = dimensions + [("reason", reason.rawValue)]
                    return (
                        reason, Counter(label: "websocket_service_\(name)", dimensions: dimensions, factory: factory)
                    )
                })
        }

        func add(_ reason: Reason) {
            value.add(1, ordering: .relaxed)
            counters[reason]?.increment()
        }

        var current: UInt64 { value.load(ordering: .relaxed) }

        func destroy() {
            for counter in counters.values { counter.destroy() }
        }
    }

    /// Meters of one name are one and the same in most metrics systems.
    private struct Key: Hashable {
        let factory: ObjectIdentifier
        let serviceName: String
    }

    /// The number of services that use the meters of a name: the last one destroys them.
    private static let users = Lock<[Key: Int]>([:])

    /// `nil` for a factory without identity, of which each service has its own copy.
    private let key: Key?

    private let attempts: Total
    private let connectionsOpened: Total
    private let failures: TotalByReason<ConnectionFailure.Kind>
    private let messagesSent: Total
    private let bytesSent: Total
    private let messagesReceived: Total
    private let bytesReceived: Total
    private let messagesDropped: TotalByReason<DropReason>
    private let messagesUnhandled: Total
    private let decodingFailures: Total
    private let handlerFailures: Total
    private let openConnections: Meter
    private let queueDepth: Gauge
    private let lastMessage: Gauge
    private let connectTime: Timer
    private let roundTrip: Timer
    private let wallClock: @Sendable () -> Double

    /// - Parameter wallClock: Seconds since 1970, UTC.
    init(
        serviceName: String, factory: any MetricsFactory,
        wallClock: @escaping @Sendable () -> Double = { Date.now.timeIntervalSince1970 }
    ) {
        self.wallClock = wallClock
        key =
            type(of: factory) is any AnyObject.Type
            ? Key(factory: ObjectIdentifier(factory as AnyObject), serviceName: serviceName) : nil
        if let key { Self.users.withLock { $0[key, default: 0] += 1 } }
        let dimensions = [("service", serviceName)]
        attempts = Total("connection_attempts_total", dimensions, factory)
        connectionsOpened = Total("connections_opened_total", dimensions, factory)
        failures = TotalByReason("connection_failures_total", dimensions, factory)
        messagesSent = Total("messages_sent_total", dimensions, factory)
        bytesSent = Total("bytes_sent_total", dimensions, factory)
        messagesReceived = Total("messages_received_total", dimensions, factory)
        bytesReceived = Total("bytes_received_total", dimensions, factory)
        messagesDropped = TotalByReason("messages_dropped_total", dimensions, factory)
        messagesUnhandled = Total("messages_unhandled_total", dimensions, factory)
        decodingFailures = Total("decoding_failures_total", dimensions, factory)
        handlerFailures = Total("handler_failures_total", dimensions, factory)
        openConnections = Meter(label: "websocket_service_open_connections", dimensions: dimensions, factory: factory)
        lastMessage = Gauge(
            label: "websocket_service_last_message_timestamp_seconds", dimensions: dimensions, factory: factory)
        connectTime = Timer(
            label: "websocket_service_connect_time", dimensions: dimensions, preferredDisplayUnit: .milliseconds,
            factory: factory)
        queueDepth = Gauge(label: "websocket_service_queued_messages", dimensions: dimensions, factory: factory)
        roundTrip = Timer(
            label: "websocket_service_round_trip", dimensions: dimensions, preferredDisplayUnit: .milliseconds,
            factory: factory)
    }

    deinit {
        guard let key else { return destroy() }
        // Under the lock: a new service of the name counts as a user first, and gets meters of its own after this.
        Self.users.withLock { users in
            guard let count = users[key], count > 1 else {
                users[key] = nil
                return destroy()
            }
            users[key] = count - 1
        }
    }

    private func destroy() {
        attempts.destroy()
        connectionsOpened.destroy()
        failures.destroy()
        messagesSent.destroy()
        bytesSent.destroy()
        messagesReceived.destroy()
        bytesReceived.destroy()
        messagesDropped.destroy()
        messagesUnhandled.destroy()
        decodingFailures.destroy()
        handlerFailures.destroy()
        openConnections.destroy()
        queueDepth.destroy()
        lastMessage.destroy()
        connectTime.destroy()
        roundTrip.destroy()
    }

    func attempted() { attempts.add() }
    func failed(_ failure: ConnectionFailure) { failures.add(failure.kind) }
    func dropped(_ reason: DropReason) { messagesDropped.add(reason) }
    func unhandled() { messagesUnhandled.add() }
    func decodingFailed() { decodingFailures.add() }
    func handlerFailed() { handlerFailures.add() }
    func queued(_ count: Int) { queueDepth.record(count) }
    func measured(roundTrip duration: Duration) { roundTrip.record(duration: duration.bounded) }

    /// - Parameter time: The time that the attempt took.
    func opened(after time: Duration) {
        connectionsOpened.add()
        connectTime.record(duration: time.bounded)
    }

    func connected() { openConnections.increment() }
    func disconnected() { openConnections.decrement() }

    func sent(byteCount: Int) {
        messagesSent.add()
        bytesSent.add(byteCount)
    }

    func received(_ batch: [WebSocketMessage]) {
        messagesReceived.add(batch.count)
        bytesReceived.add(batch.reduce(0) { $0 + $1.payload.count })
        lastMessage.record(wallClock())
    }

    var statistics: SocketStatistics {
        var statistics = SocketStatistics()
        statistics.attempts = attempts.current
        statistics.connectionsOpened = connectionsOpened.current
        statistics.failures = failures.current
        statistics.messagesSent = messagesSent.current
        statistics.bytesSent = bytesSent.current
        statistics.messagesReceived = messagesReceived.current
        statistics.bytesReceived = bytesReceived.current
        statistics.messagesDropped = messagesDropped.current
        statistics.messagesUnhandled = messagesUnhandled.current
        statistics.decodingFailures = decodingFailures.current
        statistics.handlerFailures = handlerFailures.current
        return statistics
    }
}

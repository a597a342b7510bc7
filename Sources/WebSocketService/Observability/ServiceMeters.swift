internal import CoreMetrics
internal import Metrics
internal import LibWebSockets
internal import Synchronization

/// Counts what a service does: for its statistics, and for swift-metrics with the dimension `service`. Without the
/// service's lock.
final class ServiceMeters: Sendable {
    private struct Meter: ~Copyable, Sendable {
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

    /// Meters of one name are one and the same in most metrics systems.
    private struct Key: Hashable {
        let factory: ObjectIdentifier
        let serviceName: String
    }

    /// How many services use the meters of a name: the last one destroys them.
    private static let users = Lock<[Key: Int]>([:])

    /// `nil` for a factory without identity, of which each service has its own copy.
    private let key: Key?

    private let attempts: Meter
    private let connectionsOpened: Meter
    private let failures: Meter
    private let messagesSent: Meter
    private let bytesSent: Meter
    private let messagesReceived: Meter
    private let bytesReceived: Meter
    private let messagesDropped: Meter
    private let messagesUnhandled: Meter
    private let decodingFailures: Meter
    private let handlerFailures: Meter
    private let queueDepth: Gauge
    private let roundTrip: Timer

    init(serviceName: String, factory: any MetricsFactory) {
        key =
            type(of: factory) is any AnyObject.Type
            ? Key(factory: ObjectIdentifier(factory as AnyObject), serviceName: serviceName) : nil
        if let key { Self.users.withLock { $0[key, default: 0] += 1 } }
        let dimensions = [("service", serviceName)]
        attempts = Meter("connection_attempts_total", dimensions, factory)
        connectionsOpened = Meter("connections_opened_total", dimensions, factory)
        failures = Meter("connection_failures_total", dimensions, factory)
        messagesSent = Meter("messages_sent_total", dimensions, factory)
        bytesSent = Meter("bytes_sent_total", dimensions, factory)
        messagesReceived = Meter("messages_received_total", dimensions, factory)
        bytesReceived = Meter("bytes_received_total", dimensions, factory)
        messagesDropped = Meter("messages_dropped_total", dimensions, factory)
        messagesUnhandled = Meter("messages_unhandled_total", dimensions, factory)
        decodingFailures = Meter("decoding_failures_total", dimensions, factory)
        handlerFailures = Meter("handler_failures_total", dimensions, factory)
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
        queueDepth.destroy()
        roundTrip.destroy()
    }

    func attempted() { attempts.add() }
    func opened() { connectionsOpened.add() }
    func failed() { failures.add() }
    func dropped() { messagesDropped.add() }
    func unhandled() { messagesUnhandled.add() }
    func decodingFailed() { decodingFailures.add() }
    func handlerFailed() { handlerFailures.add() }
    func queued(_ count: Int) { queueDepth.record(count) }
    func measured(roundTrip duration: Duration) { roundTrip.record(duration: duration.bounded) }

    func sent(_ message: WebSocketMessage) {
        messagesSent.add()
        bytesSent.add(message.payload.count)
    }

    func received(_ batch: [WebSocketMessage]) {
        messagesReceived.add(batch.count)
        bytesReceived.add(batch.reduce(0) { $0 + $1.payload.count })
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

public import CoreMetrics
public import HTTPTypes
public import Logging
internal import Synchronization

/// A WebSocket connection that stays: it reconnects, notices dead peers, calls the handlers registered for each kind of
/// message and keeps what is sent during an outage.
///
/// ```swift
/// let service = SocketService("wss://feed.example.com/stream")
/// service.register("mapData", as: MapData.self) { data in await draw(data) }
/// service.onOpen { _ in try await service.send(Subscribe(topic: "mapData")) }
/// try await service.start()
/// // Until it is no longer needed:
/// await service.stop()
/// ```
///
/// ## Order
///
/// Everything the app's handlers see happens one at a time, in the order in which it arrived: `onOpen`, then the
/// messages of that connection, then its `onClose`. While a handler runs, the connection is not read, so a slow handler
/// slows the peer down and nothing is lost. A handler may wait for ``request(_:reply:as:correlated:timeout:survivesReconnect:)``;
/// meanwhile reading goes on, up to 1,000 messages ahead.
///
/// ## Life
///
/// Once started, a service lives until ``stop(code:reason:)``, also when the app keeps no reference to it. Stopping
/// releases all handlers.
public final class SocketService: Sendable {
    /// What is rarely changed.
    public struct Options: Sendable {
        /// The name in logs and metrics. The default is the first URL's host.
        public var name: String?
        /// Finds the route of each message. The default reads the JSON key `socketType`.
        public var router: any MessageRouter
        /// Encodes and decodes typed messages. The default is Foundation's JSON.
        public var codec: any MessageCodec
        /// How long ``SocketService/stop(code:reason:)`` waits for the peer's close frame and for handlers to return. The
        /// default is 5 s.
        public var closeTimeout: Duration
        /// How long a graceful shutdown may take to send what is queued. The default is 10 s.
        public var shutdownTimeout: Duration
        /// How many events each subscriber of ``SocketService/events`` may lag behind. The default is 256.
        public var eventBufferLimit: Int
        /// Every delay and deadline of the service is on this clock. The default is the continuous clock.
        public var clock: any Clock<Duration>
        /// The jitter's source. The default is the system's generator.
        public var generator: any RandomNumberGenerator & Sendable
        /// Where to log, with the keys of ``LoggingKeys``. Everything carries the service's name.
        public var logger: Logger
        /// Where metrics go. The default is the factory of `MetricsSystem`.
        public var metrics: any MetricsFactory

        /// Options; every parameter is the property of the same name, with its default.
        public init(
            name: String? = nil,
            router: any MessageRouter = .json(),
            codec: any MessageCodec = .json,
            closeTimeout: Duration = .seconds(5),
            shutdownTimeout: Duration = .seconds(10),
            eventBufferLimit: Int = 256,
            clock: any Clock<Duration> = ContinuousClock(),
            generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
            logger: Logger = Logger(label: "WebSocketService"),
            metrics: any MetricsFactory = MetricsSystem.factory
        ) {
            self.name = name
            self.router = router
            self.codec = codec
            self.closeTimeout = closeTimeout
            self.shutdownTimeout = shutdownTimeout
            self.eventBufferLimit = eventBufferLimit
            self.clock = clock
            self.generator = generator
            self.logger = logger
            self.metrics = metrics
        }
    }

    let transport: any SocketTransport
    let source: RequestSource
    let heartbeat: HeartbeatPolicy
    let options: Options
    let clock: ServiceClock
    let logger: Logger
    let meters: ServiceMeters
    let broadcaster: EventBroadcaster
    let inbox = Inbox()
    let handlers = SharedHandlerTable()
    let core: Mutex<Core>

    /// A service for one server.
    ///
    /// - Parameters:
    ///   - url: `ws:` or `wss:`. Checked by ``start(waitingForOpen:)``.
    ///   - headers: Added to each opening handshake.
    ///   - transport: What makes the connections.
    ///   - reconnect: When to try again, and when to give up.
    ///   - heartbeat: How a dead peer is noticed.
    ///   - queue: What is kept while there is no connection.
    ///   - options: What is rarely changed.
    public convenience init(
        _ url: String, headers: HTTPFields = [:], transport: any SocketTransport = WebSocketTransport(),
        reconnect: ReconnectPolicy = .exponential(), heartbeat: HeartbeatPolicy = .ping(),
        queue: QueuePolicy = QueuePolicy(), options: Options = Options()
    ) {
        self.init(
            urls: [url], headers: headers, transport: transport, reconnect: reconnect, heartbeat: heartbeat,
            queue: queue, options: options)
    }

    /// A service for one server, whose URL was taken apart and checked, or made from that of a page.
    public convenience init(
        _ endpoint: Endpoint, headers: HTTPFields = [:], transport: any SocketTransport = WebSocketTransport(),
        reconnect: ReconnectPolicy = .exponential(), heartbeat: HeartbeatPolicy = .ping(),
        queue: QueuePolicy = QueuePolicy(), options: Options = Options()
    ) {
        self.init(
            source: .requests([ConnectRequest(endpoint, headers: headers)]), transport: transport,
            reconnect: reconnect, heartbeat: heartbeat, queue: queue, options: options)
    }

    /// A service for several servers that stand in for each other.
    ///
    /// They are tried in turn, from the first one: each failure moves on to the next, except the loss of a connection
    /// that had been up for the policy's ``ReconnectPolicy/stableAfter``.
    public convenience init(
        urls: [String], headers: HTTPFields = [:], transport: any SocketTransport = WebSocketTransport(),
        reconnect: ReconnectPolicy = .exponential(), heartbeat: HeartbeatPolicy = .ping(),
        queue: QueuePolicy = QueuePolicy(), options: Options = Options()
    ) {
        self.init(
            source: .requests(urls.map { ConnectRequest(url: $0, headers: headers) }), transport: transport,
            reconnect: reconnect, heartbeat: heartbeat, queue: queue, options: options)
    }

    /// A service that asks for the URL and the headers anew before each attempt, as for tokens that expire.
    ///
    /// - Parameters:
    ///   - transport: What makes the connections.
    ///   - reconnect: When to try again, and when to give up.
    ///   - heartbeat: How a dead peer is noticed.
    ///   - queue: What is kept while there is no connection.
    ///   - options: What is rarely changed.
    ///   - request: Called before each attempt. When it throws, the attempt has failed, and the reconnect policy decides.
    public convenience init(
        transport: any SocketTransport = WebSocketTransport(), reconnect: ReconnectPolicy = .exponential(),
        heartbeat: HeartbeatPolicy = .ping(), queue: QueuePolicy = QueuePolicy(), options: Options = Options(),
        request: @escaping @Sendable (ConnectAttempt) async throws -> ConnectRequest
    ) {
        self.init(
            source: .closure(request), transport: transport, reconnect: reconnect, heartbeat: heartbeat, queue: queue,
            options: options)
    }

    private init(
        source: RequestSource, transport: any SocketTransport, reconnect: ReconnectPolicy, heartbeat: HeartbeatPolicy,
        queue: QueuePolicy, options: Options
    ) {
        let name = options.name ?? source.defaultName
        var logger = options.logger
        logger[metadataKey: LoggingKeys.service] = "\(name)"
        self.transport = transport
        self.source = source
        self.heartbeat = heartbeat
        self.options = options
        self.clock = ServiceClock(options.clock)
        self.logger = logger
        self.meters = ServiceMeters(serviceName: name, factory: options.metrics)
        self.broadcaster = EventBroadcaster(bufferLimit: options.eventBufferLimit)
        self.core = Mutex(
            Core(
                machine: StateMachine(policy: reconnect), queue: SendQueue(policy: queue),
                generator: options.generator))
    }

    // MARK: What can be observed

    /// Where in its life the service is.
    public var state: State {
        core.withLock { $0.machine.state }
    }

    /// What happens from now on. Each use of this property is a subscription of its own, which ends after
    /// ``SocketEvent/stopped(undelivered:)``; one that lags loses the oldest events.
    public var events: AsyncStream<SocketEvent> {
        broadcaster.subscribe()
    }

    /// What the service has done so far.
    public var statistics: SocketStatistics {
        var statistics = meters.statistics
        core.withLock { core in
            statistics.queuedMessages = core.queue.count
            statistics.queuedBytes = core.queue.byteCount
            statistics.roundTripTime = core.roundTripTime
        }
        statistics.eventsDropped = broadcaster.droppedCount
        return statistics
    }
}

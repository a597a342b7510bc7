public import HTTPTypes
public import Logging

/// A WebSocket connection that stays: it reconnects, notices dead peers, calls the handlers registered for each kind of
/// message and keeps what is sent during an outage.
///
/// ```swift
/// let service = SocketService("wss://feed.example.com/stream")
/// service.register("mapData", as: MapData.self) { data in await draw(data) }
/// service.onOpen { [weak service] _ in try await service?.send(Subscribe(topic: "mapData")) }
/// try await service.start()
/// // Until it is no longer needed:
/// await service.stop()
/// ```
///
/// ## Order
///
/// Everything the app's handlers see happens one at a time, in the order in which it arrived: `onOpen`, then the
/// messages of that connection, then its `onClose`, then the `onOpen` of the next. While a handler runs, reading goes on
/// up to ``Options/inboxLimit`` messages and ``Options/inboxByteLimit`` bytes; then it pauses, so that a slow handler slows
/// the peer down and nothing is lost. The end of a connection, the heartbeat and reconnecting do not wait for handlers.
///
/// ## Life
///
/// Once started, a service lives until ``stop(code:reason:)``, also when the app keeps no reference to it. Only one that is
/// paused or has given up, which nobody could wake without a reference, stops with the last one. Stopping releases all
/// handlers. A handler that uses the service captures it weakly, as above, so that it does not keep such a one.
public final class SocketService: Sendable {

    let environment: ServiceEnvironment
    let requests: Requests
    let dispatcher: Dispatcher
    let outbox: Outbox
    let life: ConnectionLife

    var handlers: SharedHandlerTable { environment.handlers }

    /// A service for one server.
    ///
    /// - Parameters:
    ///   - url: `ws:` or `wss:`. Checked by ``start(waitingForOpen:)``.
    ///   - headers: Added to each opening handshake; they replace those of the same name in the transport's configuration, which
    ///     holds for all services that use the transport.
    ///   - transport: The source of the connections.
    ///   - reconnect: The rule for trying again and for giving up.
    ///   - heartbeat: The way to notice a dead peer.
    ///   - queue: The limits of what is kept while there is no connection.
    ///   - options: The settings that are rarely changed.
    public convenience init(
        _ url: String, headers: HTTPFields = [:], transport: any SocketTransport = WebSocketTransport(),
        reconnect: ReconnectPolicy = .exponential(), heartbeat: HeartbeatPolicy = .ping(),
        queue: QueuePolicy = QueuePolicy(), options: Options = Options()
    ) {
        self.init(
            urls: [url], headers: headers, transport: transport, reconnect: reconnect, heartbeat: heartbeat,
            queue: queue, options: options)
    }

    /// A service for one server, by the settings that are made most often: certificates of an authority of one's own, a
    /// router and a logger. The types around them need not be made.
    ///
    /// ```swift
    /// let service = SocketService(
    ///     "wss://feed.example.com/stream",
    ///     trustRoots: .system.adding(.pemFile("/etc/example/ca.pem")),
    ///     router: .json(routeKey: "type"),
    ///     logger: logger)
    /// ```
    ///
    /// - Parameters:
    ///   - url: `ws:` or `wss:`. Checked by ``start(waitingForOpen:)``.
    ///   - headers: Added to each opening handshake.
    ///   - trustRoots: The authorities that may vouch for the server.
    ///   - router: Names a message, so that its handlers are found.
    ///   - reconnect: The rule for trying again and for giving up.
    ///   - heartbeat: The way to notice a dead peer.
    ///   - queue: The limits of what is kept while there is no connection.
    ///   - logger: The logger of the service and of its connections.
    public convenience init(
        _ url: String, headers: HTTPFields = [:], trustRoots: TrustRoots,
        router: any MessageRouter = .json(), reconnect: ReconnectPolicy = .exponential(),
        heartbeat: HeartbeatPolicy = .ping(),
        queue: QueuePolicy = QueuePolicy(), logger: Logger = Logger(label: "WebSocketService")
    ) {
        let configuration = WebSocketConfiguration(tls: TLSClientConfiguration(trustRoots: trustRoots))
        self.init(
            url, headers: headers, transport: WebSocketTransport(configuration: configuration), reconnect: reconnect,
            heartbeat: heartbeat, queue: queue, options: Options(router: router, logger: logger))
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
    /// that had been up for the policy's ``ReconnectPolicy/stableAfter``. A failure that is final for one of them
    /// (``ConnectionFailure/isFinal``) moves on too; the service gives up when all have failed finally in one round.
    ///
    /// Without any URL, ``start(waitingForOpen:)`` throws, and an attempt begun otherwise fails for good.
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
    ///   - transport: The source of the connections.
    ///   - reconnect: The rule for trying again and for giving up.
    ///   - heartbeat: The way to notice a dead peer.
    ///   - queue: The limits of what is kept while there is no connection.
    ///   - options: The settings that are rarely changed.
    ///   - request: Called before each attempt, in a task of the service's. An attempt for which it throws has failed, and
    ///     the reconnect policy decides.
    public convenience init(
        transport: any SocketTransport = WebSocketTransport(), reconnect: ReconnectPolicy = .exponential(),
        heartbeat: HeartbeatPolicy = .ping(), queue: QueuePolicy = QueuePolicy(), options: Options = Options(),
        request: @escaping @Sendable (AttemptContext) async throws -> ConnectRequest
    ) {
        self.init(
            source: .closure(request), transport: transport, reconnect: reconnect, heartbeat: heartbeat, queue: queue,
            options: options)
    }

    private init(
        source: RequestSource, transport: any SocketTransport, reconnect: ReconnectPolicy, heartbeat: HeartbeatPolicy,
        queue: QueuePolicy, options: Options
    ) {
        environment = ServiceEnvironment(options: options, name: options.name ?? source.defaultName)
        requests = Requests(router: options.router)
        dispatcher = Dispatcher(environment: environment)
        outbox = Outbox(policy: queue, environment: environment, requests: requests, dispatcher: dispatcher)
        life = ConnectionLife(
            environment: environment, transport: transport, source: source, reconnect: reconnect, heartbeat: heartbeat,
            requests: requests, dispatcher: dispatcher, outbox: outbox)
        life.belong(to: self)
    }

    deinit {
        // Nothing is under way, which would keep the service. Subscribers and loops that still listen are told that nothing
        // more will come, once the handlers have seen what there is.
        guard !life.isStopped else { return }
        let (life, dispatcher) = (life, dispatcher)
        environment.start {
            // Fails only in a task that is cancelled.
            try? await dispatcher.waitUntilIdle()
            await life.stop(code: .normalClosure, reason: "", reportsUnsent: true)
        }
    }

    // MARK: Observing

    /// The state of the service.
    public var state: State { life.state }

    /// The events from now on. Each use of this property is a subscription of its own, which ends after
    /// ``SocketEvent/stopped(unseen:)``; one that lags loses the oldest events.
    public var events: AsyncStream<SocketEvent> {
        environment.broadcaster.subscribe()
    }

    /// The figures of the service so far.
    public var statistics: SocketStatistics {
        var statistics = environment.meters.statistics
        (statistics.queuedMessages, statistics.queuedBytes) = outbox.depth
        statistics.roundTripTime = life.roundTripTime
        statistics.eventsDropped = environment.broadcaster.droppedCount
        return statistics
    }
}

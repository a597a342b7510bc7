public import CoreMetrics
public import Logging

extension SocketService {
    /// The settings that are rarely changed.
    public struct Options: Sendable {
        /// The name in logs and metrics. The default is the first URL's host. Services of one name share their meters, which
        /// are destroyed with the last of them.
        public var name: String?
        /// Finds the route of each message. The default reads the JSON key `socketType`.
        public var router: any MessageRouter
        /// Encodes and decodes typed messages. The default is Foundation's JSON.
        public var codec: any MessageCodec
        /// The number of messages that may wait for handlers before the connection is read no further; at least 1. While a
        /// handler waits for the answer to a request, reading goes on beyond this. The default is 1,000.
        public var inboxLimit: Int
        /// The most bytes of memory that those messages may take; at least 1. A single read may exceed it, and each
        /// connection that ended behind a handler which does not return keeps what it has received, up to its own
        /// `receiveBufferSize`. The default is 16 MiB.
        public var inboxByteLimit: Int
        /// The time limit for one attempt to connect, with the app's closures that are part of it: the one that supplies
        /// the URL and the headers, and the one that makes the heartbeat's first message. Past it the attempt has failed,
        /// even when a closure or the transport ignores that it is cancelled; its task then stays for as long as it hangs.
        /// The transport may have shorter deadlines of its own. A later heartbeat's message may take as long. From zero to
        /// a century. The default is 30 s.
        public var attemptTimeout: Duration
        /// The time that ``SocketService/stop(code:reason:)`` waits for the peer's close frame and for handlers to return,
        /// and then as long again for ``SocketService/onClose(_:)``, from zero to a century. The default is 5 s.
        public var closeTimeout: Duration
        /// The time limit for a graceful shutdown to send what is queued, from zero to a century. The default is 10 s.
        public var shutdownTimeout: Duration
        /// The number of events by which each subscriber of ``SocketService/events`` may lag behind, at least 1. The
        /// default is 256.
        public var eventBufferLimit: Int
        /// The clock of every delay and deadline of the service. The default is the continuous clock.
        public var clock: any Clock<Duration>
        /// The jitter's source. The default is the system's generator.
        public var generator: any RandomNumberGenerator & Sendable
        /// The logger; its lines carry the keys of ``LoggingKeys``. Each line has the service's name. Some of it is logged on the
        /// thread of the socket loop, which a handler must not block.
        public var logger: Logger
        /// The factory of the service's metrics. The default is the factory of `MetricsSystem`. Received messages are counted on
        /// the thread of the socket loop, which a backend must not block. While it destroys meters it must not make a service or
        /// let go of one.
        public var metrics: any MetricsFactory
        /// The executor of the service's tasks, the app's handlers among them: a `SocketLoop`, say, or in a test the
        /// `TestExecutor` of `WebSocketTesting`. The default, `nil`, is Swift's own pool of threads.
        public var taskExecutor: (any TaskExecutor)?

        /// Options; every parameter is the property of the same name, with its default.
        public init(
            name: String? = nil,
            router: any MessageRouter = .json(),
            codec: any MessageCodec = .json,
            inboxLimit: Int = 1_000,
            inboxByteLimit: Int = 16 << 20,
            attemptTimeout: Duration = .seconds(30),
            closeTimeout: Duration = .seconds(5),
            shutdownTimeout: Duration = .seconds(10),
            eventBufferLimit: Int = 256,
            clock: any Clock<Duration> = ContinuousClock(),
            generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
            logger: Logger = Logger(label: "WebSocketService"),
            metrics: any MetricsFactory = MetricsSystem.factory,
            taskExecutor: (any TaskExecutor)? = nil
        ) {
            self.name = name
            self.router = router
            self.codec = codec
            self.inboxLimit = inboxLimit
            self.inboxByteLimit = inboxByteLimit
            self.attemptTimeout = attemptTimeout
            self.closeTimeout = closeTimeout
            self.shutdownTimeout = shutdownTimeout
            self.eventBufferLimit = eventBufferLimit
            self.clock = clock
            self.generator = generator
            self.logger = logger
            self.metrics = metrics
            self.taskExecutor = taskExecutor
        }
    }
}

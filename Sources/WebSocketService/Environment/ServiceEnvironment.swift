internal import Logging

/// The things that the parts of one service share.
struct ServiceEnvironment: Sendable {
    let options: SocketService.Options
    let clock: ServiceClock
    let logger: Logger
    let meters: ServiceMeters
    let broadcaster: EventBroadcaster
    let handlers = SharedHandlerTable()
    let connectionLog: ConnectionLog
    let unhandledWarnings: UnhandledWarnings

    init(options: SocketService.Options, name: String) {
        var logger = options.logger
        logger[metadataKey: LoggingKeys.service] = "\(name)"
        self.options = options
        self.clock = ServiceClock(options.clock, taskExecutor: options.taskExecutor)
        self.logger = logger
        self.meters = ServiceMeters(serviceName: name, factory: options.metrics)
        self.connectionLog = ConnectionLog(logger: logger)
        self.unhandledWarnings = UnhandledWarnings(logger: logger, router: options.router)
        self.broadcaster = EventBroadcaster(bufferLimit: options.eventBufferLimit)
    }

    /// Starts a task of the service's.
    ///
    /// It has no task-local values of the service's caller: handlers and other closures of the app's see the same, whoever
    /// calls.
    @discardableResult
    func start<Success: Sendable>(
        _ operation: @escaping @Sendable @concurrent () async -> Success
    ) -> Task<Success, Never> {
        Task.detached(executorPreference: options.taskExecutor, operation: operation)
    }

    /// Starts the task that reads a connection, where that costs least. Closures of the app's are called by way of
    /// ``onAppsThreads(_:_:)``.
    func startReading(_ connection: any SocketConnection, _ operation: @escaping @Sendable @concurrent () async -> Void)
    {
        Task.detached(executorPreference: options.taskExecutor ?? connection.taskExecutor, operation: operation)
    }

    /// Runs closures of the app's, which may take their time, in the task that reads a connection: not on the thread that all
    /// connections share, unless that is where the app wants them.
    func onAppsThreads<Result>(_ connection: any SocketConnection, _ body: () -> Result) async -> Result {
        guard options.taskExecutor == nil, connection.taskExecutor != nil else { return body() }
        return await withTaskExecutorPreference(globalConcurrentExecutor) { body() }
    }

    /// Starts a task of the service's under a lock: nothing of it runs before the lock is free, whatever the executor does.
    func start<Success: Sendable>(
        _ afterwards: inout Afterwards, _ operation: @escaping @Sendable @concurrent () async -> Success
    ) -> Task<Success, Never> {
        // Swift's own pool of threads runs nothing where it is enqueued.
        guard options.taskExecutor != nil else { return start(operation) }
        let isFree = Completion<Void>()
        afterwards.add { isFree.succeed() }
        return start {
            // Also when it is cancelled at once. Nothing fails it.
            try? await isFree.value(onCancel: {})
            return await operation()
        }
    }
}

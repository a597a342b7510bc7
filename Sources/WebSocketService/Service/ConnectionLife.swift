internal import Synchronization
internal import Logging
internal import LibWebSockets

/// The life of a service's connections: attempts, the one that is open, the waits between them, pausing and the end.
///
/// Its lock is taken before those of the outbox, the dispatcher and the requests, never while one of theirs is held, so
/// that all of them see connections come and go in one order. No closure of the app's runs under any of them.
final class ConnectionLife: Sendable {
    /// The connection that is open.
    struct OpenConnection: Sendable {
        let connection: any SocketConnection
        let handshake: HandshakeResponse
        let generation: UInt64
        /// The end of the connection, as the first to find out tells it.
        let ended = Completion<ConnectionFailure>()
    }

    struct Core {
        var machine: SocketService.StateMachine
        var generator: any RandomNumberGenerator & Sendable
        var open: OpenConnection?
        /// The attempt that waits for a closure of the app's.
        var heldUpAttempt: UInt64?
        /// The service whose life this is. Calls that are under way keep it.
        weak var owner: SocketService?
        var roundTripTime: RoundTripTime?
        var hasBeenOpen = false

        /// Makes the attempts, serves the connection and waits between them.
        var runTask: Task<Void, Never>?
        /// Performs the close handshake of a pause or a stop.
        var closeTask: Task<Void, Never>?
        /// Collects, once everything has ended, what was never sent.
        var stopTask: Task<Void, Never>?
        /// The messages that it has collected, until the caller that stopped the service has taken them.
        var unsent: [WebSocketMessage] = []
        /// Releases the handlers once they have returned.
        var endTask: Task<Void, Never>?

        var openWaiters: [Completion<HandshakeResponse>] = []
        /// Complete when the service gives up or stops.
        var endWaiters: [Completion<Void>] = []
    }

    let environment: ServiceEnvironment
    let transport: any SocketTransport
    let source: RequestSource
    let heartbeat: HeartbeatPolicy
    let requests: Requests
    let dispatcher: Dispatcher
    let outbox: Outbox
    let core: Lock<Core>

    init(
        environment: ServiceEnvironment, transport: any SocketTransport, source: RequestSource,
        reconnect: ReconnectPolicy, heartbeat: HeartbeatPolicy, requests: Requests, dispatcher: Dispatcher,
        outbox: Outbox
    ) {
        self.environment = environment
        self.transport = transport
        self.source = source
        self.heartbeat = heartbeat
        self.requests = requests
        self.dispatcher = dispatcher
        self.outbox = outbox
        core = Lock(
            Core(
                machine: SocketService.StateMachine(policy: reconnect, endpointCount: source.endpointCount),
                generator: environment.options.generator))
    }

    func belong(to owner: SocketService) {
        core.withLock { $0.owner = owner }
    }

    var state: SocketService.State { core.withLock(\.machine.state) }
    var isStopped: Bool { core.withLock(\.machine.isStopped) }
    var roundTripTime: RoundTripTime? { core.withLock(\.roundTripTime) }

    // MARK: Calls

    func start(waitingForOpen: Bool) async throws {
        try source.validate(with: transport)
        let opened = waitingForOpen ? Completion<HandshakeResponse>() : nil
        try core.change { core, afterwards in
            if core.machine.isStopped { throw SocketServiceError.stopped }
            if let attempt = core.machine.start() { launch(attempt, &core, &afterwards) }
            guard let opened else { return }
            if let open = core.open {
                opened.succeed(open.handshake, &afterwards)
            } else {
                core.openWaiters.removeAll(where: \.isComplete)
                core.openWaiters.append(opened)
            }
        }
        _ = try await opened?.value()
    }

    func reconnectNow() {
        core.change { core, afterwards in
            let isHeldUp = core.heldUpAttempt.map { core.machine.isCurrent($0) && !isClosure(of: $0) } ?? false
            guard let attempt = core.machine.reconnectNow(isHeldUp: isHeldUp) else { return }
            launch(attempt, &core, &afterwards)
        }
    }

    func resume() {
        core.change { core, afterwards in
            guard let attempt = core.machine.start() else { return }
            launch(attempt, &core, &afterwards)
        }
    }

    func pause(code: CloseCode, reason: String) async {
        let isHandlerTask = dispatcher.isHandlerTask
        let closing = core.change { core, afterwards in
            let action = core.machine.pause()
            leave(
                action, code: code, reason: reason, lost: .paused, byHandler: isHandlerTask, &core, &afterwards)
            if core.machine.isPaused { outbox.endFlushes(&afterwards) }
            if action == .abandon { environment.broadcaster.send(.paused, &afterwards) }
            return core.closeTask
        }
        await closing?.value
    }

    /// Tells whether that attempt's own closure calls: it must not overtake itself, for ever.
    private func isClosure(of generation: UInt64) -> Bool {
        guard let scope = AttemptScope.current else { return false }
        return scope.life === self && scope.generation == generation && scope.task == CurrentTask()
    }

    func launch(
        _ attempt: SocketService.StateMachine.Attempt, _ core: inout Core, _ afterwards: inout Afterwards
    ) {
        afterwards.cancel(core.runTask)
        outbox.resume()
        core.runTask = environment.start(&afterwards) { [owner = core.owner] in
            await self.run(attempt)
            withExtendedLifetime(owner) {}
        }
    }

    // MARK: Leaving a connection

    /// Leaves what is under way: its task ends, and an open connection is closed beside it.
    func leave(
        _ action: SocketService.StateMachine.LeaveAction, code: CloseCode, reason: String,
        lost error: SocketServiceError, byHandler: Bool, _ core: inout Core,
        _ afterwards: inout Afterwards
    ) {
        switch action {
        case .nothing:
            break
        case .abandon:
            afterwards.cancel(core.runTask)
        case .closeConnection:
            afterwards.cancel(core.runTask)
            guard let open = core.open.take() else { return }
            core.closeTask = environment.start(&afterwards) {
                let closure = await self.close(open.connection, code: code, reason: reason)
                // It puts back what it could not send.
                await self.outbox.waitForDrain()
                await self.waitUntilRead(open.generation)
                self.closed(closure, open.generation)
            }
            requests.lose(open.generation, error, &afterwards)
            dispatcher.cancelGreeting(open.generation, byItself: byHandler, &afterwards)
            disconnected(open.generation, &afterwards)
        }
    }

    /// Nothing goes to this connection any more.
    func disconnected(_ generation: UInt64, _ afterwards: inout Afterwards) {
        outbox.disconnect(generation, &afterwards)
        afterwards.add { [environment] in environment.meters.disconnected() }
        if hasOpenHandlers { requests.failHandlersUnsent(after: generation, &afterwards) }
    }

    /// Messages wait, on the next connection, until the app has greeted its peer.
    var hasOpenHandlers: Bool {
        environment.handlers.read { !$0.open.isEmpty }
    }

    /// The close handshake, cut off at the deadline.
    private func close(
        _ connection: any SocketConnection, code: CloseCode, reason: String
    ) async -> WebSocketClosure {
        let clock = environment.clock
        let deadline = clock.deadline(after: environment.options.closeTimeout)
        return await withWatch {
            try await clock.sleep(until: deadline)
            connection.abort()
        } body: {
            await connection.close(code: code, reason: reason)
        }
    }

    private func closed(_ closure: WebSocketClosure, _ generation: UInt64) {
        environment.connectionLog.closed(closure)
        core.change { core, afterwards in
            environment.broadcaster.send(.closed(.closed(closure)), &afterwards)
            dispatcher.end(generation, with: [.closed(.closed(closure))], &afterwards)
            if let attempt = core.machine.closingFinished() {
                launch(attempt, &core, &afterwards)
            } else if core.machine.state == .idle {
                environment.broadcaster.send(.paused, &afterwards)
            }
        }
    }
}

extension SocketServiceError {
    fileprivate static let paused = SocketServiceError(
        .connectionFailed, "the service was paused before the answer to the request came")
}

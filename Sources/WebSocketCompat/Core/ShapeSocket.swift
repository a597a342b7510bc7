package import HTTPTypes
package import LibWebSockets
internal import Synchronization
package import WebSocketService

/// The common part of the shapes: a `SocketService` whose events reach one set of handlers, in order, and an end.
///
/// The connection lasts no longer than this object: an open one is closed with 1001 when it goes. The handlers' captures
/// are released after ``Handlers/finished``.
package final class ShapeSocket: Sendable {
    /// The handlers of a shape, called one at a time and in order, except ``control``.
    package struct Handlers: Sendable {
        /// A connection is open. Its messages come when this has returned.
        package var opened: @Sendable (WebSocket, OpenContext) async -> Void
        /// A message. The next one comes when this has returned, and the network waits too in the end.
        package var message: @Sendable (WebSocketMessage) async -> Void
        /// A ping or a pong, beside the messages.
        package var control: @Sendable (ControlFrame) async -> Void = { _ in }
        /// Tells whether to answer the peer's pings; called on the loop's thread.
        package var answersPings: @Sendable () -> Bool = { true }
        /// A connection that was open has ended.
        package var ended: @Sendable (ConnectionEnd) async -> Void
        /// An attempt to connect has failed.
        package var failed: @Sendable (any Error) async -> Void
        /// Nothing more will come: the socket was closed, or gave up.
        package var finished: @Sendable () async -> Void

        package init(
            opened: @escaping @Sendable (WebSocket, OpenContext) async -> Void,
            message: @escaping @Sendable (WebSocketMessage) async -> Void,
            ended: @escaping @Sendable (ConnectionEnd) async -> Void,
            failed: @escaping @Sendable (any Error) async -> Void,
            finished: @escaping @Sendable () async -> Void
        ) {
            self.opened = opened
            self.message = message
            self.ended = ended
            self.failed = failed
            self.finished = finished
        }
    }

    private struct State: Sendable {
        var handlers: Handlers?
        var current: WebSocket?
        var isClosing = false
    }

    private let options: WebSocketCompatOptions
    private let service: SocketService
    private let state: Lock<State>
    private let prospects: Prospects
    private let policy: Policy
    private let controls: ControlFrameQueue
    private let pump: SendPump

    /// Connections that were made and of which the service has not told yet.
    private final class Prospects: Sendable {
        let sockets = Lock<[WebSocket]>([])

        /// The connection of a handshake: no two have the same `Sec-WebSocket-Accept`. Those before it came to nothing.
        func take(_ handshake: HandshakeResponse) -> WebSocket? {
            sockets.withLock { sockets in
                guard let index = sockets.firstIndex(where: { $0.handshake == handshake }) else { return nil }
                defer { sockets.removeSubrange(...index) }
                return sockets[index]
            }
        }
    }

    /// The state that the reconnect policy looks at: a socket that is being closed stays closed.
    private final class Policy: Sendable {
        let isClosing = Atomic<Bool>(false)

        func applied(to policy: ReconnectPolicy?) -> ReconnectPolicy {
            guard var policy else { return .never }
            let overrule = policy.overrule
            policy.overrule = { [self] context, decision in
                if isClosing.load(ordering: .acquiring) { return .giveUp }
                return overrule?(context, decision) ?? decision
            }
            return policy
        }
    }

    /// The one route of all messages, for a shape that has no place of its own for every message.
    private static let route = "message"
    /// The most bytes of arrived messages that may wait for a handler that does not return, beside what the connection
    /// itself keeps.
    private static let inboxByteLimit = 1 << 20

    /// Makes the service below a shape.
    ///
    /// - Parameter pump: The pump in which messages may wait already.
    package init(
        url: String, headers: HTTPFields = [:], subprotocols: [String] = [], options: WebSocketCompatOptions,
        socketLoop: SocketLoop = .shared, pump: SendPump = SendPump(), handlers: Handlers
    ) {
        self.options = options
        self.pump = pump
        let (prospects, policy) = (Prospects(), Policy())
        let controls = ControlFrameQueue(handlers.control)
        var connection = options.connection
        connection.subprotocols += subprotocols
        connection.controlFrames = { [answersPings = handlers.answersPings] frame in
            controls.add(frame)
            return answersPings()
        }
        service = SocketService(
            url, headers: headers,
            transport: ShapeTransport(
                base: WebSocketTransport(configuration: connection, socketLoop: socketLoop),
                connected: { socket in prospects.sockets.withLock { $0.append(socket) } }),
            reconnect: policy.applied(to: options.reconnects), heartbeat: options.heartbeat, queue: options.queue,
            options: SocketService.Options(
                router: .custom { _ in Self.route }, inboxByteLimit: Self.inboxByteLimit,
                attemptTimeout: connection.connectTimeout.bounded + .seconds(5), closeTimeout: connection.closeTimeout,
                logger: connection.logger))
        self.prospects = prospects
        self.policy = policy
        self.controls = controls
        state = Lock(State(handlers: handlers))
        register(handlers)
        guard options.reconnects != nil else { return }
        // The service keeps messages that are sent while there is no connection.
        pump.open { [service] message in
            if case .dropped(let reason) = try await service.send(message) {
                throw Self.closedError("the message was not sent: \(reason)")
            }
        }
    }

    deinit {
        let (service, pump) = (service, pump)
        pump.end(Self.closedError("the socket was let go of"))
        controls.end()
        Task.detached { await service.stop(code: .goingAway) }
    }

    private func register(_ handlers: Handlers) {
        service.onOpen { [weak self] context in
            guard let self, let socket = prospects.take(context.handshake) else { return }
            state.withLock { $0.current = socket }
            if options.reconnects == nil { pump.open { try await socket.send($0) } }
            await handlers.opened(socket, context)
            controls.open()
        }
        service.register(Self.route) { message in await handlers.message(message) }
        service.onClose { [weak self] end in
            guard let self else { return }
            state.withLock { $0.current = nil }
            if options.reconnects == nil { pump.end(Self.closedError("the connection has ended: \(end)")) }
            await handlers.ended(end)
        }
        service.onError { [weak self] error in
            switch (error.code, error.failure) {
            case (.gaveUp, _): await self?.finish()
            case (.connectionFailed, .connectFailed(let underlying)): await handlers.failed(underlying)
            default: break
            }
        }
    }

    // MARK: Calls

    /// The connection that is open, as far as the handlers have been told.
    package var current: WebSocket? { state.withLock(\.current) }

    /// Begins to connect.
    package func start() {
        Task.detached { [self] in
            do {
                try await service.start()
            } catch let error as WebSocketError {
                await state.withLock(\.handlers)?.failed(error)
                await finish()
            } catch {
                // It was closed before.
            }
        }
    }

    /// Sends a message: in the order of the calls, and not before there is a connection. The completion is called once.
    package func send(_ message: WebSocketMessage, completion: @escaping SendPump.Completion = { _ in }) {
        pump.send(message, completion: completion)
    }

    /// Closes for good: earlier messages go out first, if the peer lets them within `closeTimeout`.
    package func close(code: CloseCode, reason: String = "") {
        guard beginClosing() else { return }
        let limit = options.connection.closeTimeout.bounded
        Task.detached { [self] in
            let begin = ContinuousClock.now
            await pump.flush(within: limit, refusing: Self.closedError("the socket was closed"))
            pump.end(Self.closedError("the socket was closed"))
            // One time limit for both: earlier messages, and the peer's answer to the close frame.
            let rest = max(limit - begin.duration(to: .now), Self.leastCloseTime)
            if service.state == .open {
                await service.shutDown(within: rest, code: code, reason: reason)
            } else {
                await service.stop(code: code, reason: reason)
            }
            await finish()
        }
    }

    /// For a close frame, when what was sent before has used up the time.
    private static let leastCloseTime = Duration.milliseconds(200)

    /// Closes for good between two connections; does nothing while one is open.
    package func closeBetweenConnections() {
        guard state.withLock(\.current) == nil else { return }
        close(code: .goingAway)
    }

    /// Aborts the connection: it ends at once, without a close frame, also one that is being closed.
    package func abort() {
        let isFirst = beginClosing()
        state.withLock(\.current)?.abort()
        pump.end(Self.closedError("the connection was aborted"))
        guard isFirst else { return }
        Task.detached { [self] in
            await service.stop(code: .goingAway)
            await finish()
        }
    }

    /// Lets the connection that is open be the last one, whoever ends it.
    package func stopReconnecting() {
        policy.isClosing.store(true, ordering: .releasing)
    }

    private func beginClosing() -> Bool {
        policy.isClosing.store(true, ordering: .releasing)
        return state.withLock { state in
            defer { state.isClosing = true }
            return !state.isClosing && state.handlers != nil
        }
    }

    /// Tells of the end once, and lets go of the handlers.
    private func finish() async {
        let handlers = state.withLock { state in
            state.current = nil
            return state.handlers.take()
        }
        guard let handlers else { return }
        pump.end(Self.closedError("the socket is closed"))
        controls.end()
        prospects.sockets.withLock { $0 = [] }
        await handlers.finished()
        // One that gave up keeps its handlers until it is stopped.
        let service = service
        Task.detached { await service.stop() }
    }

    private static func closedError(_ message: String) -> WebSocketError {
        WebSocketError(.connectionClosed, stage: .closing, message: message)
    }
}

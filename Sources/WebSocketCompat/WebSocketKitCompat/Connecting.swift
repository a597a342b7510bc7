internal import Synchronization
internal import HTTPTypes
internal import LibWebSockets
internal import WebSocketCompat
internal import WebSocketService

/// One call of `connect`, with the connections that come of it.
final class Connecting: Sendable {
    /// Calls `onUpgrade`, and then the closure that it is given.
    typealias Upgrade = @Sendable (WebSocket, @escaping @Sendable () -> Void) -> Void

    private struct State: Sendable {
        var shape: ShapeSocket?
        var socket: WebSocket?
        var failure: (any Error)?
    }

    private let state = Lock(State())
    private let promise: EventLoopPromise<Void>
    private let eventLoop: any EventLoop
    private let upgrade: Upgrade

    private init(eventLoop: any EventLoop, upgrade: @escaping Upgrade) {
        self.eventLoop = eventLoop
        self.upgrade = upgrade
        promise = eventLoop.makePromise(of: Void.self)
    }

    /// - Returns: Complete when the first connection is open.
    static func connect(
        _ url: String, _ headers: HTTPHeaders, _ configuration: WebSocketClient.Configuration,
        _ eventLoop: any EventLoop, _ upgrade: @escaping Upgrade
    ) -> EventLoopFuture<Void> {
        begin(url, headers, configuration, eventLoop, upgrade).promise.futureResult
    }

    /// As ``connect(_:_:_:_:_:)``; cancelling the task gives the attempt up.
    static func connect(
        _ url: String, _ headers: HTTPHeaders, _ configuration: WebSocketClient.Configuration,
        _ eventLoop: any EventLoop, asynchronously onUpgrade: @escaping @Sendable (WebSocket) async -> Void
    ) async throws {
        let connecting = begin(url, headers, configuration, eventLoop) { socket, upgraded in
            Task.detached {
                await onUpgrade(socket)
                upgraded()
            }
        }
        try await withTaskCancellationHandler {
            try await connecting.promise.futureResult.get()
        } onCancel: {
            connecting.giveUp()
        }
    }

    private static func begin(
        _ url: String, _ headers: HTTPHeaders, _ configuration: WebSocketClient.Configuration,
        _ eventLoop: any EventLoop, _ upgrade: @escaping Upgrade
    ) -> Connecting {
        let connecting = Connecting(eventLoop: eventLoop, upgrade: upgrade)
        do {
            try connecting.start(url, headers, configuration)
        } catch {
            connecting.promise.fail(error)
        }
        return connecting
    }

    private func start(_ url: String, _ headers: HTTPHeaders, _ configuration: WebSocketClient.Configuration) throws {
        var options = configuration.options
        configuration.tlsConfiguration?.apply(to: &options.connection.tls)
        options.connection.maximumMessageSize = min(
            configuration.maxAccumulatedFrameSize, options.connection.maximumMessageSize)
        var fields = HTTPFields()
        var subprotocols: [String] = []
        for (name, value) in headers {
            if name.lowercased() == "sec-websocket-protocol" {
                subprotocols += value.split(separator: ",").map { $0.split(separator: " ").joined(separator: " ") }
            } else {
                fields.append(try HTTPField(checking: name, value))
            }
        }
        // They keep this object, and are let go of at the end.
        var handlers = ShapeSocket.Handlers(
            opened: { socket, _ in self.opened(socket) },
            message: { message in
                guard let socket = self.state.withLock(\.socket) else { return }
                await socket.callbacks.handle(message, of: socket)
            },
            ended: { _ in self.state.withLock { $0.socket.take() }?.ended() },
            failed: { error in self.state.withLock { $0.failure = error } },
            finished: { self.finished() })
        handlers.control = { frame in
            guard let socket = self.state.withLock(\.socket) else { return }
            await socket.callbacks.handle(frame, of: socket)
        }
        let shape = ShapeSocket(
            url: url, headers: fields, subprotocols: subprotocols, options: options,
            socketLoop: eventLoop.socketLoop, handlers: handlers)
        state.withLock { $0.shape = shape }
        shape.start()
    }

    private func opened(_ raw: LibWebSockets.WebSocket) {
        guard let shape = state.withLock(\.shape) else { return }
        let socket = WebSocket(raw: raw, shape: shape, eventLoop: eventLoop)
        state.withLock { $0.socket = socket }
        upgrade(socket) { socket.callbacks.upgraded() }
        promise.succeed()
    }

    private func finished() {
        let ended = state.withLock { state in
            defer { (state.shape, state.socket) = (nil, nil) }
            return state
        }
        ended.socket?.ended()
        promise.fail(Self.shown(ended.failure ?? CancellationError()))
    }

    private func giveUp() {
        let shape = state.withLock { state in state.socket == nil ? state.shape : nil }
        shape?.close(code: .goingAway)
    }

    private static func shown(_ error: any Error) -> any Error {
        guard let refusal = (error as? WebSocketError)?.refusal else { return error }
        return WebSocketClient.Error.invalidResponseStatus(
            HTTPResponseHead(
                status: HTTPResponseStatus(
                    code: UInt(refusal.status.code), reasonPhrase: refusal.status.reasonPhrase),
                headers: HTTPHeaders(refusal.headers.map { ($0.name.rawName, $0.value) })))
    }
}

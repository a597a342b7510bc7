internal import Synchronization
internal import LibWebSockets
internal import WebSocketCompat

/// One open WebSocket, in the shape of websocket-kit's.
///
/// ```swift
/// try await WebSocket.connect(to: "wss://feed.example.com/stream") { socket in
///     socket.onText { socket, text in print(text) }
///     try? await socket.send("hello")
/// }
/// ```
///
/// It lives until its connection has ended, and lets its handlers go then. Handlers are called one at a time, in the order of
/// arrival, the asynchronous ones too.
public final class WebSocket: Sendable {
    let raw: LibWebSockets.WebSocket
    let shape: ShapeSocket
    let pump = SendPump()
    let callbacks = WebSocketCallbacks()
    let life: Lock<Life>
    let closePromise: EventLoopPromise<Void>

    struct Life: Sendable {
        /// The code that this side has closed with.
        var closeCode: WebSocketErrorCode?
        var isClosing = false
        /// A message that is being sent in frames.
        var fragments: (opcode: WebSocketOpcode, bytes: [UInt8])?
        var pingInterval: TimeAmount?
        var pinging: Task<Void, Never>?
    }

    /// The loop that carries the connection.
    public let eventLoop: any EventLoop

    init(raw: LibWebSockets.WebSocket, shape: ShapeSocket, eventLoop: any EventLoop) {
        self.raw = raw
        self.shape = shape
        self.eventLoop = eventLoop
        life = Lock(Life())
        closePromise = eventLoop.makePromise(of: Void.self)
        pump.open { try await raw.send($0) }
        Task.detached { await self.watch() }
    }

    /// The connection has ended.
    public var isClosed: Bool { raw.closure != nil }

    /// The code that this side has closed with, else the server's; `nil` while neither has closed, and after a loss.
    public var closeCode: WebSocketErrorCode? {
        life.withLock(\.closeCode)
            ?? raw.closure?.received.map { frame in
                WebSocketErrorCode(codeNumber: Int(frame.code?.rawValue ?? 1005))
            }
    }

    /// Complete when the connection has ended and its messages have been handled. A handler may wait for it: one that takes more
    /// than a second after the end is not waited for.
    public var onClose: EventLoopFuture<Void> { closePromise.futureResult }

    // MARK: Closing

    /// Closes the connection: earlier messages go out first.
    ///
    /// - Returns: Complete when the close frame is on its way; ``onClose`` tells of the end.
    public func close(code: WebSocketErrorCode = .goingAway) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        close(code: code, promise: promise)
        return promise.futureResult
    }

    /// Closes the connection; the promise is complete when the close frame is on its way.
    public func close(code: WebSocketErrorCode = .goingAway, promise: EventLoopPromise<Void>?) {
        let isFirst = life.withLock { life in
            guard !life.isClosing else { return false }
            life.isClosing = true
            life.closeCode = code
            return true
        }
        guard isFirst else {
            promise?.succeed()
            return
        }
        guard !isClosed else {
            // With reconnects, the next connection is waited for: nobody else can stop that.
            shape.closeBetweenConnections()
            promise?.succeed()
            return
        }
        shape.stopReconnecting()
        // Those two are no codes to send (RFC 6455 section 7.4.1).
        let number = [1005, 1006].contains(code.number) ? 1000 : code.number
        Task.detached { [self] in
            let refusal = WebSocketError(
                .connectionClosed, stage: .closing, message: "the connection is being closed", closure: nil)
            await pump.flush(within: .seconds(5), refusing: refusal)
            promise?.succeed()
            await raw.close(code: CloseCode(rawValue: number))
        }
    }

    /// Closes the connection, and returns when the close frame is on its way; ``onClose`` tells of the end.
    public func close(code: WebSocketErrorCode = .goingAway) async throws {
        try await close(code: code).get()
    }

    // MARK: The end

    /// The service has told of the end, after the last message.
    func ended() {
        callbacks.end()
        life.withLock { $0.pinging.take() }?.cancel()
        pump.end(
            WebSocketError(
                .connectionClosed, stage: .closing, message: "the connection has ended", closure: raw.closure))
        closePromise.succeed()
    }

    /// Sees to it that a handler which waits for ``onClose`` does not wait for its own end: handlers are waited for only as
    /// long as they get on.
    private func watch() async {
        guard (try? await raw.closed()) != nil else { return }
        callbacks.connectionHasEnded()
        var handled = callbacks.handledCount
        while true {
            try? await Task.sleep(for: .seconds(1))
            guard !callbacks.hasEnded else { return }
            let now = callbacks.handledCount
            guard now == handled else {
                handled = now
                continue
            }
            return closePromise.succeed()
        }
    }
}

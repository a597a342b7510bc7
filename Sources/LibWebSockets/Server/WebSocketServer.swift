internal import Logging
internal import Synchronization
public import HTTPTypes
public import WebSocketProtocol

/// A WebSocket server for tests, demonstrations and tools: `wss:` or `ws:`, one handler task for each connection.
///
/// ```swift
/// let server = try await WebSocketServer.start { socket, request in
///     for try await message in socket.messages {
///         try await socket.send(message)
///     }
/// }
/// print(server.url)
/// await server.stop()
/// ```
public final class WebSocketServer: Sendable {
    /// Serves one connection, in a task of its own. The connection is closed with 1000 when it returns, with 1011 when it
    /// throws.
    public typealias Handler = @Sendable (WebSocket, Request) async throws -> Void

    /// A client's upgrade request.
    public struct Request: Sendable {
        /// Path and query as the client wrote them.
        public let target: String
        /// The headers of the upgrade request, in the order in which the client sent them.
        public let headers: HTTPFields
        /// The subprotocols the client offers, in its order of preference.
        public let subprotocols: [String]
        /// The client's address and port.
        public let peer: String
    }

    /// The answer to an upgrade request.
    public enum Decision: Sendable {
        /// Open the WebSocket, with one of the offered subprotocols or none. Another subprotocol cannot be chosen, nor can
        /// headers be added that belong to the handshake (`Upgrade`, `Connection`, `Content-Length`, `Transfer-Encoding`,
        /// `Host` and every `Sec-WebSocket-…`): the client is answered with 500 then, and the reason is logged.
        case accept(subprotocol: String? = nil, headers: HTTPFields = [:])
        /// Answer with this response and close the connection.
        case refuse(HTTPResponse.Status, headers: HTTPFields = [:], body: String = "")
    }

    /// A rule for clients that do not read fast enough for a broadcast.
    public enum SlowClientRule: Hashable, Sendable {
        /// Leaves the message out for such a client.
        case skip
        /// Aborts the client's connection, so that it notices that it misses something.
        case abort
    }

    private struct ServedConnection {
        let socket: WebSocket
        let task: Task<Void, Never>
        /// The caller is this one's handler, which would wait for itself.
        let isCallers: Bool
    }

    private struct ServedConnections {
        var open: [UInt64: (socket: WebSocket, task: Task<Void, Never>)] = [:]
        var lastID: UInt64 = 0
        var isStopping = false
    }

    /// The connection whose handler runs, for the task of the handler and those that it starts.
    private struct Serving {
        @TaskLocal static var current: Serving?

        let server: ObjectIdentifier
        let id: UInt64
    }

    /// The port it listens on.
    public let port: Int
    private let configuration: Configuration
    private let handler: Handler
    private let socketLoop: SocketLoop
    private let served = Lock(ServedConnections())
    private let failureLimit = SharedLogLimit()
    private let listener = Lock<ListenerReference?>(nil)

    /// Starts to listen.
    ///
    /// - Throws: ``WebSocketError`` when the address cannot be listened on, or the TLS configuration, a limit, a time or an
    ///   option of ``Configuration/compression`` cannot be used; `CancellationError` when the task is cancelled while the TLS
    ///   files are read.
    public static func start(
        configuration: Configuration = Configuration(),
        on socketLoop: SocketLoop = .shared,
        handler: @escaping Handler
    ) async throws -> WebSocketServer {
        try await start(configuration: configuration, on: socketLoop, files: .shared, handler: handler)
    }

    static func start(
        configuration: Configuration, on socketLoop: SocketLoop, files: FileThreads, handler: @escaping Handler
    ) async throws -> WebSocketServer {
        try configuration.validate()
        // A file system may keep its reader waiting, which must be neither the loop nor the caller's thread.
        let tls: TLSServerContext?
        if let settings = configuration.tls {
            tls = try await files.read(settings.paths) { () throws(WebSocketError) in try TLSServerContext(settings) }
        } else {
            tls = nil
        }
        let accepted = ArrivalSink()
        let (reference, port) = try await Waiter<(ListenerReference, Int)>.wait { waiter in
            do {
                try socketLoop.submit { core in
                    do {
                        let listener = try ServerListener(
                            core: core, configuration: configuration, tls: tls, socketLoop: socketLoop
                        ) {
                            accepted.accept($0)
                        }
                        waiter.resume(returning: (ListenerReference(listener: listener), listener.port))
                    } catch {
                        waiter.resume(throwing: error)
                    }
                }
            } catch {
                waiter.resume(throwing: error)
            }
        }
        let server = WebSocketServer(configuration: configuration, port: port, socketLoop: socketLoop, handler: handler)
        server.listener.withLock { $0 = reference }
        accepted.connect(to: server)
        return server
    }

    private init(configuration: Configuration, port: Int, socketLoop: SocketLoop, handler: @escaping Handler) {
        self.configuration = configuration
        self.port = port
        self.socketLoop = socketLoop
        self.handler = handler
    }

    deinit {
        Self.close(listener.withLock { $0 }, on: socketLoop)
    }

    /// The URL at which clients on this machine reach the server: `wss://127.0.0.1:4711`.
    public var url: String {
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        return "\(configuration.tls == nil ? "ws" : "wss")://\(host):\(port)"
    }

    /// The number of open connections.
    public var connectionCount: Int {
        served.withLock { $0.open.values.count { $0.socket.closure == nil } }
    }

    /// Sends a message to every open connection, without waiting for any of them.
    ///
    /// A client that reads too slowly has ``Configuration/sendBufferSize`` bytes waiting for it, and gets no more:
    /// `slowClients` says what becomes of it, so that the slowest client neither delays the others nor fills the memory.
    ///
    /// - Returns: The number of open connections that the message was not sent to.
    @discardableResult
    public func broadcast(_ message: WebSocketMessage, slowClients: SlowClientRule = .skip) -> Int {
        let sockets = served.withLock { $0.open.values.map(\.socket) }.filter { $0.closure == nil }
        return sockets.count { socket in
            // A connection that ends in this moment only counts as one that the message was not sent to.
            guard let isTaken = try? socket.trySend(message) else { return true }
            if !isTaken, slowClients == .abort { socket.abort() }
            return !isTaken
        }
    }

    /// Stops listening, closes every connection with 1001 and waits until the handlers have returned, whose tasks are
    /// cancelled. Clients that come meanwhile find nobody.
    ///
    /// A handler may call it, or a task that it has started: that handler is neither cancelled nor waited for.
    public func stop() async {
        let open = stopAccepting()
        await closeListener()
        await withTaskGroup(of: Void.self) { group in
            for connection in open {
                group.addTask {
                    await connection.socket.close(code: .goingAway, reason: "the server stops")
                    guard !connection.isCallers else { return }
                    connection.task.cancel()
                    await connection.task.value
                }
            }
        }
    }

    /// Stops as a server does whose process is killed: connections are aborted.
    ///
    /// A handler may call it, as with ``stop()``.
    public func kill() async {
        let open = stopAccepting()
        for connection in open {
            connection.socket.abort()
            if !connection.isCallers { connection.task.cancel() }
        }
        await closeListener()
        for connection in open where !connection.isCallers {
            await connection.task.value
        }
    }

    private func stopAccepting() -> [ServedConnection] {
        let serving = Serving.current
        let callers = serving?.server == ObjectIdentifier(self) ? serving?.id : nil
        return served.withLock { served in
            served.isStopping = true
            return served.open.map { ServedConnection(socket: $1.socket, task: $1.task, isCallers: $0 == callers) }
        }
    }

    private func closeListener() async {
        let reference = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        await withCheckedContinuation { continuation in
            Self.close(reference, on: socketLoop) { continuation.resume() }
        }
    }

    private static func close(
        _ reference: ListenerReference?, on socketLoop: SocketLoop, callback: @escaping @Sendable () -> Void = {}
    ) {
        guard let reference else { return callback() }
        do {
            try socketLoop.submit { _ in reference.listener.close(callback) }
        } catch {
            // The loop has ended, and with it the listener.
            callback()
        }
    }

    func serve(_ arrival: ServerListener.Arrival) {
        let isServed = served.withLock { served in
            guard !served.isStopping else { return false }
            served.lastID += 1
            // Within the lock, so that a stop finds the task of each connection that it finds.
            served.open[served.lastID] = (arrival.socket, handle(arrival, id: served.lastID))
            return true
        }
        guard !isServed else { return }
        arrival.socket.abort()
        arrival.handlerReturned()
    }

    private func handle(_ arrival: ServerListener.Arrival, id: UInt64) -> Task<Void, Never> {
        let (socket, request) = (arrival.socket, arrival.request)
        let serving = Serving(server: ObjectIdentifier(self), id: id)
        return Task { [handler, weak self, failureLimit, logger = configuration.logger] in
            do {
                try await Serving.$current.withValue(serving) { try await handler(socket, request) }
                await socket.close()
            } catch {
                // The end of the connection ends the handler too, which is no failure of the handler; nor is it one to send
                // when the client has begun to close.
                let isOfTheEnd =
                    error is CancellationError && Task.isCancelled || error is WebSocketError && !socket.allowsSending
                if socket.closure == nil, !isOfTheEnd {
                    // The error may hold words of the peer's.
                    let shown = "\(error)".visible(limit: 1_000)
                    failureLimit.log { logger.warning("the handler failed\($0)", metadata: ["error": "\(shown)"]) }
                    await socket.close(code: .internalError)
                }
            }
            _ = self?.served.withLock { $0.open.removeValue(forKey: id) }
            arrival.handlerReturned()
        }
    }
}

/// Holds the listener for other threads.
///
/// `@unchecked Sendable`: they only pass it back to the loop, the one thread that touches the listener.
private struct ListenerReference: @unchecked Sendable {
    let listener: ServerListener
}

internal import Synchronization
public import Foundation
internal import HTTPTypes
internal import LibWebSockets
public import WebSocketCompat

#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif

/// A WebSocket in the shape of Starscream 4's.
///
/// ```swift
/// var request = URLRequest(url: url)
/// request.timeoutInterval = 5
/// let socket = WebSocket(request: request)
/// socket.onEvent = { event in
///     if case .text(let text) = event { print(text) }
/// }
/// socket.connect()
/// ```
///
/// Keep it: when the last reference goes, an open connection is closed with 1001, and no event follows.
public final class WebSocket: WebSocketClient, Sendable {
    struct State: Sendable {
        var request: URLRequest
        var options: WebSocketCompatOptions
        var callbackQueue = DispatchQueue.main
        var delegate = DelegateReference()
        var onEvent: EventHandler?
        var respondToPingWithPong = true
        /// The connection that is wanted, until its end.
        var socket: ShapeSocket?
        /// The one whose connection has ended, until it says so itself.
        var endingSocket: ShapeSocket?
        /// The number of the call of ``WebSocket/connect()`` that it is from.
        var generation = 0
        var hasBeenOpen = false
        var isDisconnecting = false
    }

    let state: Lock<State>
    private let certPinner: (any CertificatePinning)?

    /// A socket for a request, which does nothing before ``connect()``.
    ///
    /// - Parameters:
    ///   - request: The URL, the headers and the timeout. `Sec-WebSocket-Protocol` names the subprotocols to offer; the other
    ///     headers that make the handshake are the library's own.
    ///   - certPinner: The check of certificates. `nil` means the same as the default here, and no check at all in the original.
    ///   - compressionHandler: Not needed: permessage-deflate is offered anyway.
    ///   - useCustomEngine: Of no effect: there is one engine.
    public init(
        request: URLRequest, certPinner: (any CertificatePinning)? = FoundationSecurity(),
        compressionHandler: (any CompressionHandler)? = nil, useCustomEngine: Bool = true
    ) {
        self.certPinner = certPinner
        state = Lock(State(request: request, options: WebSocketCompatOptions()))
    }

    /// The object that is told of the events first. Not kept alive.
    public var delegate: (any WebSocketDelegate)? {
        get { state.withLock(\.delegate).delegate }
        set {
            let reference = DelegateReference(delegate: newValue)
            state.withLock { $0.delegate = reference }
        }
    }

    /// Called on ``callbackQueue`` with each event, after the delegate.
    public var onEvent: ((WebSocketEvent) -> Void)? {
        get { state.withLock(\.onEvent)?.call }
        set {
            let handler = newValue.map(EventHandler.init)
            let previous = state.withLock { state in
                defer { state.onEvent = handler }
                return state.onEvent
            }
            withExtendedLifetime(previous) {}
        }
    }

    /// The request of the next ``connect()``.
    public var request: URLRequest {
        get { state.withLock(\.request) }
        set { state.withLock { $0.request = newValue } }
    }

    /// The settings that the original has no place for: TLS, proxies, limits, reconnecting. They hold for the next
    /// ``connect()``.
    ///
    /// ```swift
    /// socket.options.reconnects = .persistent
    /// ```
    public var options: WebSocketCompatOptions {
        get { state.withLock(\.options) }
        set { state.withLock { $0.options = newValue } }
    }

    /// The queue on which events and completions are called. The main queue by default, which a program has to run.
    public var callbackQueue: DispatchQueue {
        get { state.withLock(\.callbackQueue) }
        set { state.withLock { $0.callbackQueue = newValue } }
    }

    /// Answers the server's pings.
    public var respondToPingWithPong: Bool {
        get { state.withLock(\.respondToPingWithPong) }
        set { state.withLock { $0.respondToPingWithPong = newValue } }
    }

    /// Begins to connect. Does nothing while there is a connection, or one is being made; after its end, it makes another.
    public func connect() {
        let (request, options, generation) = state.withLock { state in
            state.generation += state.socket == nil ? 1 : 0
            return (state.request, state.options, state.socket == nil ? state.generation : nil)
        }
        guard let generation else { return }
        let asked: ShapeRequest
        do {
            asked = try ShapeRequest(request)
        } catch {
            Task.detached { [weak self] in await self?.deliver([.error(error)]) }
            return
        }
        let socket = ShapeSocket(
            url: asked.url, headers: asked.headers, subprotocols: asked.subprotocols,
            options: adjusted(options, asked), handlers: handlers(of: generation, reconnects: options.reconnects != nil)
        )
        let isWanted = state.withLock { state in
            guard state.socket == nil, state.generation == generation else { return false }
            state.socket = socket
            state.hasBeenOpen = false
            state.isDisconnecting = false
            return true
        }
        if isWanted { socket.start() }
    }

    private func adjusted(_ options: WebSocketCompatOptions, _ request: ShapeRequest) -> WebSocketCompatOptions {
        var options = options
        if let timeout = request.timeout { options.connection.connectTimeout = timeout }
        certPinner?.configure(&options.connection.tls)
        return options
    }

    /// Closes the connection: earlier messages go out first. ``WebSocketEvent/cancelled`` follows.
    ///
    /// - Parameter closeCode: 1000 by default. One that must not be sent closes without a code.
    public func disconnect(closeCode: UInt16 = CloseCode.normal.rawValue) {
        let socket = state.withLock { state in
            state.isDisconnecting = true
            return state.socket
        }
        socket?.close(code: LibWebSockets.CloseCode(rawValue: closeCode))
    }

    /// Aborts the connection: it ends at once, without a close frame. ``WebSocketEvent/cancelled`` follows.
    public func forceDisconnect() {
        let socket = state.withLock { state in
            state.isDisconnecting = true
            return state.socket
        }
        socket?.abort()
    }
}

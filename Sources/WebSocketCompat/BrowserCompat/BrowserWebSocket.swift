public import Foundation
internal import LibWebSockets
public import WebSocketCompat

/// A WebSocket in the shape of the browser's (WHATWG WebSockets Standard).
///
/// ```swift
/// let socket = try BrowserWebSocket("wss://feed.example.com/stream", ["v2.feed"])
/// socket.onopen = { _ in try? socket.send("hello") }
/// socket.onmessage = { event in print(event.data) }
/// socket.onclose = { event in print(event.code, event.reason) }
/// ```
///
/// The main actor stands for the browser's event loop: events come one at a time, and none while the code runs that has made the
/// socket. A program has to let its main actor run.
///
/// While a handler is set, an open socket lives without a reference to it. One that nobody could hear of any more is
/// closed. After the last event the handlers are let go of, so that they may hold the socket.
@MainActor public final class BrowserWebSocket {
    /// A state in the life of a socket.
    public enum ReadyState: Int, Sendable {
        /// The connection is not there yet.
        case CONNECTING = 0
        /// Messages can be sent.
        case OPEN = 1
        /// The close handshake is under way.
        case CLOSING = 2
        /// The connection is over, or could not be opened.
        case CLOSED = 3
    }

    /// The form in which binary messages are shown.
    public enum BinaryType: String, Sendable {
        /// As a `Data`.
        case blob
        /// As an array of bytes.
        case arraybuffer
    }

    /// The state 0, before the connection is there.
    public static let CONNECTING = ReadyState.CONNECTING
    /// The state 1, in which messages can be sent.
    public static let OPEN = ReadyState.OPEN
    /// The state 2, during the close handshake.
    public static let CLOSING = ReadyState.CLOSING
    /// The state 3, after the connection or a failure to open it.
    public static let CLOSED = ReadyState.CLOSED

    /// The URL that the socket was made with, with the scheme `ws` or `wss` and at least a path of `/`.
    public nonisolated let url: String
    nonisolated let origin: String
    let reconnects: Bool

    /// The state of the socket.
    public internal(set) var readyState = ReadyState.CONNECTING
    /// The subprotocol that the server has chosen; empty without one.
    public internal(set) var `protocol` = ""
    /// The extensions that the server has agreed to; empty without any.
    public internal(set) var extensions = ""
    /// The number of bytes of messages that were given to ``send(_:)-(String)`` and are not on their way. Grows at once,
    /// shrinks between events, and only grows after the end. Up to 64 KiB more may be waiting in the connection.
    public internal(set) var bufferedAmount = 0
    /// The form in which binary messages are shown. May be changed at any time.
    public var binaryType = BinaryType.blob

    /// Called on the main actor when the connection is open.
    public var onopen: ((BrowserEvent) -> Void)? { didSet { keepWhileHeard() } }
    /// Called on the main actor with each message.
    public var onmessage: ((BrowserMessageEvent) -> Void)? { didSet { keepWhileHeard() } }
    /// Called on the main actor when the connection has failed, before ``onclose``.
    public var onerror: ((BrowserEvent) -> Void)? { didSet { keepWhileHeard() } }
    /// Called on the main actor when the connection is over, or could not be opened.
    public var onclose: ((BrowserCloseEvent) -> Void)? { didSet { keepWhileHeard() } }

    var socket: ShapeSocket?
    /// Keeps this object while its events may be heard.
    private var selfReference: BrowserWebSocket?
    var wasOpen = false
    /// The end of the last connection, or attempt, was told, and another one follows.
    var isRetrying = false
    /// The program has closed it.
    var isEnding = false

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - url: `ws:`, `wss:`, or `http:` and `https:` for them. There is no page here that a relative one could relate to.
    ///   - protocols: The subprotocols to offer, in order of preference. The server has to choose one of them, if there are any.
    ///   - options: The settings that a browser decides on by itself: TLS, proxies, limits, headers; and reconnecting, with
    ///     which the socket goes back to ``ReadyState/CONNECTING`` after each ``onclose``.
    /// - Throws: ``BrowserException`` with `SyntaxError`.
    public init(
        _ url: String, _ protocols: [String] = [], options: WebSocketCompatOptions = WebSocketCompatOptions()
    ) throws(BrowserException) {
        let address = try BrowserAddress(url)
        try BrowserAddress.check(protocols: protocols)
        self.url = address.url
        origin = address.origin
        var options = options
        options.connection.sendBufferSize = min(options.connection.sendBufferSize, 64 << 10)
        reconnects = options.reconnects != nil
        let socket = ShapeSocket(
            url: address.url, subprotocols: protocols, options: options,
            handlers: handlers(demandsSubprotocol: !protocols.isEmpty))
        self.socket = socket
        socket.start()
    }

    /// Begins to connect, with one subprotocol to offer.
    ///
    /// - Throws: ``BrowserException`` with `SyntaxError`.
    public convenience init(
        _ url: String, _ protocol: String, options: WebSocketCompatOptions = WebSocketCompatOptions()
    ) throws(BrowserException) {
        try self.init(url, [`protocol`], options: options)
    }

    deinit {
        // A socket that is let go of says no reason (the standard, section "Garbage collection").
        if readyState != .CLOSED { socket?.close(code: .noStatusReceived) }
    }

    // MARK: Sending

    /// Sends a text message.
    ///
    /// - Throws: ``BrowserException`` with `InvalidStateError` while the socket is connecting. Once it is closing, messages are
    ///   dropped, and only counted in ``bufferedAmount``.
    public func send(_ data: String) throws(BrowserException) {
        try send(.text(data), byteCount: data.utf8.count)
    }

    /// Sends a binary message; as ``send(_:)-(String)``.
    public func send(_ data: Data) throws(BrowserException) {
        try send(.binary(data), byteCount: data.count)
    }

    /// Sends a binary message; as ``send(_:)-(String)``.
    public func send(_ data: [UInt8]) throws(BrowserException) {
        try send(.binary(data), byteCount: data.count)
    }

    private func send(_ message: WebSocketMessage, byteCount: Int) throws(BrowserException) {
        if readyState == .CONNECTING {
            throw BrowserException(name: .invalidStateError, message: "the socket is still connecting")
        }
        bufferedAmount += byteCount
        guard readyState == .OPEN, let socket else { return }
        socket.send(message) { [weak self] error in
            // Bytes that could not be sent stay counted.
            guard error == nil, let self else { return }
            Task { @MainActor in self.bufferedAmount -= byteCount }
        }
    }

    // MARK: Closing

    /// Closes the connection without a code. Earlier messages go out first.
    public func close() {
        begin { $0.close(code: .noStatusReceived) }
    }

    /// Closes the connection. Earlier messages go out first.
    ///
    /// - Parameters:
    ///   - code: 1000, or 3000 to 4999.
    ///   - reason: At most 123 bytes of UTF-8.
    /// - Throws: ``BrowserException`` with `InvalidAccessError` for another code, with `SyntaxError` for a longer reason.
    public func close(_ code: Int, _ reason: String = "") throws(BrowserException) {
        guard code == 1000 || (3000...4999).contains(code) else {
            throw BrowserException(
                name: .invalidAccessError, message: "the code \(code) is neither 1000 nor between 3000 and 4999")
        }
        guard reason.utf8.count <= 123 else {
            throw BrowserException(name: .syntaxError, message: "the reason is longer than 123 bytes")
        }
        begin { $0.close(code: CloseCode(rawValue: UInt16(code)), reason: reason) }
    }

    private func begin(_ close: (ShapeSocket) -> Void) {
        guard let socket, !isEnding else { return }
        isEnding = true
        // It is closed between two connections, too.
        if readyState != .CLOSED { readyState = .CLOSING }
        close(socket)
    }

    // MARK: Life

    /// An object that can still be told something, and tell somebody, is kept (the standard, section "Garbage collection").
    func keepWhileHeard() {
        let isHeard = onopen != nil || onmessage != nil || onerror != nil || onclose != nil
        selfReference = isHeard && readyState != .CLOSED ? self : nil
    }

    /// The end: nothing is kept. Handlers often hold the socket, and nothing collects such a circle here.
    func end() {
        socket = nil
        (onopen, onmessage, onerror, onclose) = (nil, nil, nil, nil)
        selfReference = nil
    }
}

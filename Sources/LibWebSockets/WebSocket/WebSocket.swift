internal import Synchronization
public import WebSocketProtocol

/// An open WebSocket connection (RFC 6455).
///
/// ```swift
/// let socket = try await WebSocket.connect(to: "wss://feed.example.com/stream")
/// try await socket.send("hello")
/// for try await message in socket.messages {
///     print(message.text ?? "\(message.payload.count) bytes")
/// }
/// let closure = await socket.close()
/// ```
///
/// Every method may be called from any task. An open connection is closed with 1001 when the last reference goes.
public final class WebSocket: Sendable {
    /// The server's answer to the opening handshake; on the server's side, what this side answered.
    public let handshake: HandshakeResponse
    /// The properties that TLS agreed on, with the peer's certificate; `nil` for `ws:`.
    public let tls: TLSConnectionInfo?
    /// The address and port at the other end of TCP, such as `192.0.2.1:443` or `[2001:db8::1]:443`: with a proxy the proxy's,
    /// over a Unix domain socket its path.
    public let remoteAddress: String
    let connection: Connection

    init(
        handshake: HandshakeResponse, tls: TLSConnectionInfo?, remoteAddress: String, connection: Connection
    ) {
        self.handshake = handshake
        self.tls = tls
        self.remoteAddress = remoteAddress
        self.connection = connection
    }

    deinit {
        connection.beginClosing(CloseFrame(code: .goingAway))
    }

    // MARK: - Sending

    /// Sends a text message.
    ///
    /// Returns when the message has its place in the output, in the order of the calls; waits while
    /// ``WebSocketConfiguration/sendBufferSize`` bytes or more are waiting for the network.
    ///
    /// - Throws: ``WebSocketError`` with `connectionClosed` or what ended the connection; `CancellationError` when the
    ///   task is cancelled while it waits. The message was not sent then.
    public func send(_ text: String) async throws {
        try await connection.send(.text, payload: text.utf8)
    }

    /// Sends a binary message; as ``send(_:)-(String)``.
    public func send(_ bytes: some Collection<UInt8>) async throws {
        try await connection.send(.binary, payload: bytes)
    }

    /// Sends a message of either kind; as ``send(_:)-(String)``.
    public func send(_ message: WebSocketMessage) async throws {
        try await connection.send(Opcode(message.kind), payload: message.payload)
    }

    /// Sends a message if that needs no waiting: for code that is not asynchronous, or has a better use for its time.
    ///
    /// - Returns: `true` when the message has its place in the output; `false` while
    ///   ``WebSocketConfiguration/sendBufferSize`` bytes or more are waiting for the network, while others wait to send,
    ///   and while a message is being sent in pieces.
    /// - Throws: ``WebSocketError`` with `connectionClosed` or what ended the connection. The message was not sent then.
    public func trySend(_ message: WebSocketMessage) throws -> Bool {
        try connection.trySend(Opcode(message.kind), payload: message.payload)
    }

    /// Sends one message in pieces, for messages that are made bit by bit or do not fit into memory.
    ///
    /// ```swift
    /// try await socket.sendMessage(.binary) { writer in
    ///     for try await chunk in file { try await writer.write(chunk) }
    /// }
    /// ```
    ///
    /// Other messages wait until this one is complete; pings and pongs do not. Other messages that `body` itself sends, or
    /// a task that it has started, are refused with ``WebSocketError/Code-swift.struct/messageUnderWay``.
    ///
    /// - Throws: As ``send(_:)-(String)``, and what `body` throws. A message that has begun cannot be taken back, so the
    ///   connection is then closed with 1011.
    public func sendMessage<Failure: Error>(
        _ kind: WebSocketMessage.Kind, _ body: (inout WebSocketMessageWriter) async throws(Failure) -> Void
    ) async throws {
        var writer = WebSocketMessageWriter(message: try await beginMessage(kind))
        do {
            try await connection.whileStreaming { try await body(&writer) }
            try await writer.message.finish()
        } catch {
            writer.message.abandon()
            throw error
        }
    }

    /// Begins a message in pieces, when no other one is under way.
    package func beginMessage(_ kind: WebSocketMessage.Kind) async throws -> OutgoingMessage {
        try await connection.beginMessage(kind)
    }

    // MARK: - Receiving

    /// The messages that arrive, in order. Not taking them stops reading from the network, and so slows the peer down.
    ///
    /// The sequence ends after an orderly close handshake (``WebSocketClosure/isClean``). It throws when the peer closed
    /// with a code that stands for an error, such as 1008, 1009 or 1011, when the connection was lost, and when the peer
    /// broke the protocol. Messages that arrived before that come first. One task at a time may iterate; a later iteration
    /// goes on where the one before it stopped.
    public var messages: WebSocketMessages {
        WebSocketMessages(webSocket: self)
    }

    /// Messages that have arrived, as many as the network brought together, at least one; `nil` at the end. For code that
    /// handles messages by the batch: ``messages`` is made of this.
    ///
    /// - Throws: As ``messages`` does; `CancellationError` when the task is cancelled while it waits.
    public func nextMessages() async throws -> [WebSocketMessage]? {
        try await connection.nextMessages()
    }

    /// Neither side has begun to close.
    var allowsSending: Bool {
        connection.withOutbound { $0.queue.allowsSending }
    }

    /// The next message; `nil` at the end. For code that waits for one message at a time, such as an answer.
    ///
    /// ```swift
    /// try await socket.send("hello")
    /// let answer = try await socket.receive()
    /// ```
    ///
    /// A loop over ``messages`` costs less for each message. One task at a time may receive.
    ///
    /// - Throws: As ``messages`` does; `CancellationError` when the task is cancelled while it waits, which loses nothing.
    public func receive() async throws -> WebSocketMessage? {
        try await connection.nextMessage()
    }

    func putBack(_ messages: ArraySlice<WebSocketMessage>) {
        connection.putBack(messages)
    }

    // MARK: - Control

    /// Sends a ping and waits for its pong (RFC 6455 section 5.5.2).
    ///
    /// The pong stands behind the messages that the peer has sent before: while those fill
    /// ``WebSocketConfiguration/receiveBufferSize`` and nobody takes them, nothing is read and this waits.
    ///
    /// - Parameter timeout: The time limit for the pong, longer than zero; `nil`, the default, for as long as the
    ///   connection lasts. The connection stays as it is when the time is over: for one that is to end then, see
    ///   ``WebSocketConfiguration/pingInterval``.
    /// - Returns: The round-trip time.
    /// - Throws: ``WebSocketError`` with `timedOut` when the time is over, and when the connection ends first;
    ///   `CancellationError` when the task is cancelled.
    public func ping(timeout: Duration? = nil) async throws -> Duration {
        guard let timeout else { return try await connection.ping() }
        return try await connection.ping(timeout: timeout)
    }

    /// Closes the connection: earlier messages go out first, then the close frame, then the peer has
    /// ``WebSocketConfiguration/closeTimeout`` to answer. Messages that still arrive meanwhile can be read; unread ones
    /// beyond ``WebSocketConfiguration/receiveBufferSize`` stay unseen, because the peer's close frame stands behind
    /// them.
    ///
    /// A call on a closed connection returns how it ended. Cancelling the task aborts the connection.
    ///
    /// - Parameters:
    ///   - code: A code that may be sent (``CloseCode/isAllowedOnTheWire``); any other sends a close frame without code.
    ///   - reason: For people; cut to 123 bytes of UTF-8.
    /// - Returns: The end of the connection, in the words of both sides.
    @discardableResult
    public func close(code: CloseCode = .normalClosure, reason: String = "") async -> WebSocketClosure {
        await connection.close(CloseFrame(code: code, reason: reason))
    }

    /// Aborts the connection: it ends at once, without a close frame. What waits to be sent is unsent. For a peer that is
    /// believed dead.
    public func abort() {
        connection.abort()
    }

    /// The end of the connection; `nil` while it is open.
    public var closure: WebSocketClosure? {
        connection.ending?.closure
    }

    /// The error that ended the connection; `nil` while it is open and after an orderly end.
    public var closeError: WebSocketError? {
        connection.ending?.error
    }

    /// Waits until it is certain how the connection ended, whoever ends it and whether or not anybody iterates
    /// ``messages``: those that arrived before the end can still be taken afterwards.
    ///
    /// Any number of tasks may wait. ``closure`` and ``closeError`` are set when it returns. While reading is stopped, as
    /// more than ``WebSocketConfiguration/receiveBufferSize`` waits to be taken, an end by the peer may show only when
    /// messages have been taken. This side's close frame has left the connection by then, unless it stands behind messages
    /// that the peer does not read: ``messages`` end when it has, or cannot.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first; the connection stays as it is.
    public func closed() async throws -> WebSocketClosure {
        try await connection.closed()
    }

    /// Ends ``messages`` as early as ``closed()`` tells: for a service, which goes on to the next connection meanwhile.
    package func endMessagesAtOnce() {
        connection.endsMessagesAtOnce.store(true, ordering: .relaxed)
    }

    /// The traffic of the connection so far.
    public var statistics: WebSocketStatistics {
        connection.statistics
    }
}

extension WebSocket {
    /// Takes messages by callback instead of iterating: each in turn, in order. The next one waits until `onMessage` has
    /// returned, and so does the network in the end.
    ///
    /// - Parameters:
    ///   - onMessage: Called with each message, by the task that is returned.
    ///   - onClose: Called once, after the last message, with the reason unless the end was orderly.
    /// - Returns: The task that makes the calls, and keeps the connection until it ends. Cancelling it stops the calls and
    ///   loses nothing: once the task has returned, the messages that were not handled can be read.
    @discardableResult
    public func receive(
        onMessage: @escaping @Sendable (WebSocketMessage) async -> Void,
        onClose: @escaping @Sendable (WebSocketClosure, WebSocketError?) async -> Void = { _, _ in }
    ) -> Task<Void, Never> {
        Task {
            // The closure tells why the messages end.
            while let batch = try? await nextMessages() {
                var rest = batch[...]
                while !Task.isCancelled, let message = rest.popFirst() { await onMessage(message) }
                guard rest.isEmpty else { return putBack(rest) }
            }
            if let closure { await onClose(closure, closeError) }
        }
    }
}

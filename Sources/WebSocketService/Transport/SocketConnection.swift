/// One open connection, as a ``SocketService`` needs it.
public protocol SocketConnection: Sendable {
    /// The server's answer to the opening handshake.
    var handshake: HandshakeResponse { get }

    /// The properties that TLS agreed on; `nil` without TLS, and by default.
    var tls: TLSConnectionInfo? { get }

    /// The address that the connection leads to, such as `192.0.2.1:443`; `nil` by default.
    var remoteAddress: String? { get }

    /// The executor on which ``nextMessages()`` returns without a change of threads, such as the loop that carries the
    /// connection; `nil` by default.
    ///
    /// A service without a ``SocketService/Options/taskExecutor`` reads there, which saves waking a thread for each batch. No
    /// closure of the app's runs there.
    var taskExecutor: (any TaskExecutor)? { get }

    /// The next messages, in order and never empty; `nil` after an orderly close.
    ///
    /// Not calling it is back-pressure. Only one call is made at a time. Cancelling the task ends the call at once.
    /// Messages that arrived before the end are returned before the end is told, even after ``ended()`` has returned.
    ///
    /// - Throws: An error when the connection was lost or had to be given up. It may throw when the peer closed with a code
    ///   that stands for an error, of which ``closure`` tells.
    func nextMessages() async throws -> [WebSocketMessage]?

    /// Hands a message over, suspending while the connection's outbound queue is above its high-water mark.
    ///
    /// Returns once the connection has taken the message. It throws only when it has not taken the message and never
    /// will: a service sends such a message again on the next connection, which must not deliver it twice. Cancelling the
    /// task ends a call that waits, with a `CancellationError`; one that need not wait takes the message all the same.
    func send(_ message: WebSocketMessage) async throws

    /// Hands a message over where that needs no waiting: while the connection is not above its high-water mark.
    ///
    /// There is an implementation by ``send(_:)``; one that knows without trying costs less.
    ///
    /// - Returns: `true` when the connection has taken the message.
    /// - Throws: As ``send(_:)``, but for `CancellationError`.
    func sendWithoutWaiting(_ message: WebSocketMessage) async throws -> Bool

    /// Begins a message that is handed over in pieces, waiting until no other one is under way.
    ///
    /// There is an implementation that collects the pieces and hands over the whole with ``send(_:)``.
    func beginMessage(_ kind: WebSocketMessage.Kind) async throws -> any MessageInPieces

    /// Sends one ping frame and returns the round trip once the pong that answers it is here.
    func ping() async throws -> Duration

    /// Performs the close handshake and returns how the connection ended.
    ///
    /// Does not depend on ``nextMessages()`` being called; messages that arrive meanwhile may stay unseen. Calls of
    /// ``nextMessages()`` and ``send(_:)`` under way end by throwing. Closing a closed connection returns its closure.
    func close(code: CloseCode, reason: String) async -> WebSocketClosure

    /// Aborts the connection: it ends at once, without a close handshake. Calls under way end by throwing.
    func abort()

    /// The end of the connection; `nil` while it is open.
    var closure: WebSocketClosure? { get }

    /// The error that ended the connection; `nil` while it is open, after an orderly close and after ``abort()``.
    var closeError: (any Error)? { get }

    /// Waits until it is certain how the connection ended, whoever ends it and whether or not anybody reads.
    ///
    /// Independent of ``nextMessages()``: messages that arrived before the end may still wait there, and nobody has to take them
    /// for the end to be told. ``closure`` and ``closeError`` are set for good when it returns, and ``send(_:)`` takes no
    /// further message. Any number of calls may wait at a time; on a connection that has ended each returns at once.
    /// Cancelling a task ends its call and leaves the connection and other calls as they are.
    ///
    /// A transport that stops reading while too much waits to be received may learn of an end only when it reads on.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first; nothing else.
    func ended() async throws -> WebSocketClosure

    /// Bytes read from the network so far: a large message that is still arriving shows that the peer is alive.
    var bytesReceived: UInt64 { get }
}

extension SocketConnection {
    public func beginMessage(_ kind: WebSocketMessage.Kind) async throws -> any MessageInPieces {
        CollectedMessage(connection: self, kind: kind)
    }

    public var tls: TLSConnectionInfo? { nil }
    public var remoteAddress: String? { nil }
    public var taskExecutor: (any TaskExecutor)? { nil }

    public func sendWithoutWaiting(_ message: WebSocketMessage) async throws -> Bool {
        // A call of a task that is cancelled waits for nothing.
        let sending = Task.detached {
            withUnsafeCurrentTask { $0?.cancel() }
            try await send(message)
        }
        do {
            try await sending.value
            return true
        } catch is CancellationError {
            return false
        }
    }
}

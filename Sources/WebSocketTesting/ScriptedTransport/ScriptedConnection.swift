public import WebSocketService

/// The peer's side of a connection that a ``ScriptedTransport`` opened.
///
/// Until told otherwise the peer is well-behaved: it takes every message at once, answers pings after 1 ms and close
/// handshakes with the same code.
public struct ScriptedConnection: Sendable {
    /// The client's request.
    public let request: ConnectRequest
    let client: ScriptedClient

    // MARK: The peer's actions

    /// Delivers text messages, as one batch.
    ///
    /// - Returns: `true` when the connection was still open; if not, they are lost.
    @discardableResult
    public func deliver(_ texts: String...) -> Bool {
        client.deliver(texts.map { .text($0) })
    }

    /// Delivers messages that arrive in one batch.
    ///
    /// - Returns: `true` when the connection was still open; if not, they are lost.
    @discardableResult
    public func deliver(_ messages: [WebSocketMessage]) -> Bool {
        client.deliver(messages)
    }

    /// Lets bytes of an unfinished message arrive; 0 or less are none.
    public func deliverPartOfMessage(byteCount: Int) {
        client.receiveBytes(byteCount)
    }

    /// Closes the connection with a close frame, which follows everything delivered before.
    public func close(code: CloseCode = .normalClosure, reason: String = "") {
        client.peerCloses(CloseFrame(code: code, reason: reason))
    }

    /// Aborts the connection, without a close frame. Messages delivered before are still received.
    public func abort(
        _ error: any Error = WebSocketError(
            .connectionLost, stage: .open, message: "the scripted peer aborted the connection")
    ) {
        client.peerAborts(error)
    }

    /// Stops answering pings, or starts to: a peer that hangs.
    public func answerPings(after roundTrip: Duration?) {
        client.setPingAnswer(roundTrip)
    }

    /// Sets whether the peer answers a close handshake. A peer that does not makes the client's `close` wait until it
    /// aborts.
    public func answerClose(_ answers: Bool) {
        client.setAnswersClose(answers)
    }

    /// Fills the connection's outbound queue: `send` suspends from now on.
    public func holdSends() {
        client.holdSends()
    }

    /// Drains the connection's outbound queue: sends that were held go out, in order.
    public func releaseSends() {
        client.releaseSends()
    }

    /// Lets the next sends fail although the connection stays open, as for a message it cannot encode.
    public func rejectSends(with error: (any Error)?) {
        client.rejectSends(with: error)
    }

    // MARK: The client's record

    /// Every message that the client sent so far.
    public var sent: [WebSocketMessage] { client.sentFeed.all }

    /// The next message that the client sent, in order, each once.
    ///
    /// - Parameter limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    public func nextSent(within limit: Duration? = nil) async throws -> WebSocketMessage {
        try await client.sentFeed.next(within: limit) { [client] number in
            """
            for message \(number) of the client; it has sent \(WaitTimedOut.list(client.sentFeed.all.map(MessageSummary.init))), and \
            \(client.stateInWords)
            """
        }
    }

    /// The number of pings that the client sent so far.
    public var pingCount: Int { client.pingFeed.all.count }

    /// Waits for the next ping of the client's, each once.
    ///
    /// - Parameter limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    public func nextPing(within limit: Duration? = nil) async throws {
        try await client.pingFeed.next(within: limit) { [client] number in
            "for ping \(number) of the client; it has sent \(client.pingFeed.all.count), and \(client.stateInWords)"
        }
    }

    /// Waits until the client has taken everything delivered and asks for more, or the connection has ended.
    ///
    /// - Parameter limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    public func waitUntilRead(within limit: Duration? = nil) async throws {
        try await client.waitUntilRead(within: limit)
    }

    /// The number of delivered messages that the client has not taken yet.
    public var unreadCount: Int { client.unreadCount }

    /// The number of delivered messages that the client had not taken when it closed or aborted the connection.
    public var unseenCount: Int { client.unseenCount }

    /// The number of sends that are held in the client.
    public var heldSendCount: Int { client.heldSendCount }

    /// The end of the connection; `nil` while it is open.
    public var closure: WebSocketClosure? { client.closure }

    /// The client aborted the connection.
    public var wasAborted: Bool { client.wasAborted }

    /// Waits until the connection has ended. Any number of tasks may wait.
    ///
    /// - Parameter limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    public func ended(within limit: Duration? = nil) async throws -> WebSocketClosure {
        try await client.ended(within: limit)
    }
}

public import HTTPTypes
public import LibWebSockets

extension TestServer {
    /// The faults that a server has for as long as it is told to.
    public struct Faults: Hashable, Sendable {
        /// Reads nothing from the network: messages of clients pile up at their end.
        public var readsNothing = false
        /// Leaves pings without a pong.
        public var ignoresPings = false
        /// The time that arriving bytes wait before they are read, pings included.
        public var delay = Duration.zero
    }

    /// The faults of the server at present: none, unless it was told to.
    public var faults: Faults { record.faults }

    /// Changes what the server does wrong, on the connections that are open and on those to come. Returns when it does.
    ///
    /// ```swift
    /// await server.changeFaults { $0.ignoresPings = true }
    /// ```
    public func changeFaults(_ change: (inout Faults) -> Void) async {
        await record.changeFaults(change)
    }

    /// Aborts every connection, without a close frame, and goes on listening.
    public func abortConnections() {
        for socket in record.sockets { socket.abort() }
    }

    /// Sends a close frame with this code on every connection, whether or not one may be sent (RFC 6455 section 7.4).
    ///
    /// - Parameters:
    ///   - code: The code; `nil` for a close frame without one.
    ///   - reason: For people. More than 123 bytes of UTF-8 break the protocol too.
    public func closeConnections(code: UInt16?, reason: String = "") async {
        let frame = FaultServer.Frame.close(code, reason: reason)
        for socket in record.sockets { await socket.sendRaw(frame.bytes) }
    }

    /// Sends the first half of a message's frame on every connection, and aborts it.
    ///
    /// - Parameter message: The message that never becomes whole, of at least two bytes.
    public func cutConnections(in message: String = "This message never becomes whole.") async {
        let bytes = FaultServer.Frame.text(message).bytes
        for socket in record.sockets { await socket.sendRaw(Array(bytes.prefix(bytes.count / 2)), aborting: true) }
    }

    /// Refuses the next requests with an HTTP response, before the configuration decides.
    ///
    /// - Parameters:
    ///   - count: The number of requests to refuse, in place of those that remain from an earlier call.
    ///   - status: The response's status.
    ///   - headers: Further headers, such as `Retry-After`.
    ///   - body: The response's body.
    public func refuseConnections(
        _ count: Int, status: HTTPResponse.Status = .serviceUnavailable, headers: HTTPFields = [:], body: String = ""
    ) {
        record.refuse(count, with: .refuse(status, headers: headers, body: body))
    }

    /// The messages that have arrived, of all connections in the order of their arrival, whether or not a handler has taken
    /// them; the first 10,000, and no more than 4 MiB of them. ``receivedCount`` counts all.
    public var received: [WebSocketMessage] { record.messages }

    /// The number of messages that have arrived, of all connections.
    public var receivedCount: Int { record.messageCount }

    /// The requests that have arrived, refused ones included; the first 10,000 of them.
    public var requests: [WebSocketServer.Request] { record.requests }

    /// Waits until so many messages have arrived, and gives ``received``.
    ///
    /// - Parameters:
    ///   - count: The number of messages, of all connections, since the server was made.
    ///   - limit: The longest wait; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``, `CancellationError` when the waiting task is cancelled.
    public func received(atLeast count: Int, within limit: Duration? = nil) async throws -> [WebSocketMessage] {
        try await record.messages(atLeast: count, within: limit)
    }
}

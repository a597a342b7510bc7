extension SocketService {
    /// Sends a request and waits for its answer.
    ///
    /// A request finds its answer by a correlation ID, under the router's key, `id` by default. One that has no ID yet
    /// gets one; the peer copies it into the answer. The answer goes to the caller alone, not to registered handlers.
    /// While the service is not connected the request is queued, no longer than the timeout.
    ///
    /// A message answers a request only once a connection was given that request. It has to be of the answer's route, where
    /// one is given. Without a route, a request of the peer's own, as the router tells it, answers nothing.
    ///
    /// A handler may wait for an answer: reading goes on meanwhile. An answer that could only come after it has returned
    /// fails at once.
    ///
    /// IDs rise in the order of sending. Requests of tasks that run at the same time may overtake each other.
    ///
    /// - Parameters:
    ///   - body: The request, encoded by the codec.
    ///   - route: The answer's route; `nil` for any.
    ///   - type: The type to decode the answer as.
    ///   - correlated: Expects an answer that carries the request's ID. Without, the next message of the route is the
    ///     answer; several requests for the same route are answered in their order.
    ///   - timeout: The time limit for the whole. The default is 10 s.
    ///   - survivesReconnect: Lets an answer still come after the connection that the request was sent on is lost. The
    ///     request is not sent again. By default, losing the connection fails the request.
    /// - Throws: ``SocketServiceError``: `requestTimedOut`, `connectionFailed`, `requestDropped`, `gaveUp`, `stopped`,
    ///   `notCorrelatable`, or `decodingFailed` for an answer of another type; in a handler also `handlerMustReturn` and
    ///   `inboxFull`; `CancellationError` when the task is cancelled; the errors of
    ///   ``send(_:delivery:)-(WebSocketMessage,_)``.
    public func request<Reply: Decodable & Sendable>(
        _ body: some Encodable,
        reply route: String? = nil,
        as type: Reply.Type = Reply.self,
        correlated: Bool = true,
        timeout: Duration = .seconds(10),
        survivesReconnect: Bool = false
    ) async throws -> Reply {
        let reply = try await request(
            message: environment.options.codec.encode(body), reply: route, correlated: correlated, timeout: timeout,
            survivesReconnect: survivesReconnect)
        do {
            return try environment.options.codec.decode(type, from: reply)
        } catch {
            throw SocketServiceError.decodingFailed(route, type, error)
        }
    }

    /// Sends a message and waits for the one that answers it; see
    /// ``request(_:reply:as:correlated:timeout:survivesReconnect:)``.
    public func request(
        message: WebSocketMessage,
        reply route: String? = nil,
        correlated: Bool = true,
        timeout: Duration = .seconds(10),
        survivesReconnect: Bool = false
    ) async throws -> WebSocketMessage {
        let environment = environment
        let deadline = environment.clock.deadline(after: timeout)
        let caller = dispatcher.caller
        let isHandlers = caller == .handler || (caller == .outside && handlers.isInLoop)
        let number = outbox.nextNumber()
        let (request, match) = try correlate(message, number: number, route: route, correlated: correlated)
        let reply = Completion<WebSocketMessage>()
        requests.add(
            PendingReplies.Entry(
                number: number, match: match, survivesReconnect: survivesReconnect, isHandlers: isHandlers, reply: reply
            ))
        defer {
            requests.forget(number)
            // Nobody waits for the answer any more.
            outbox.remove(number)
        }
        // Looked at only now: from here on, a change of these finds the request.
        if life.isStopped { throw SocketServiceError.stopped }
        if isHandlers, isBehindHandlers { throw SocketServiceError.handlerMustReturn }
        return try await withWatch {
            try await environment.clock.sleep(until: deadline)
            reply.fail(
                SocketServiceError(.requestTimedOut, "no answer to the request came within \(timeout)", route: route))
        } body: {
            // In this task, so that requests go out in the order of their IDs.
            await send(request, number: number, timeout: timeout, caller, reply)
            // The body of a loop may wait in a child task of its own, which tells nobody what it belongs to.
            guard caller != .outside || isHandlers || environment.handlers.loopHoldsMessage else {
                return try await reply.value()
            }
            return try await dispatcher.whileHandlerWaits { full in
                try await withWatch {
                    try await full.value()
                    reply.fail(SocketServiceError.inboxFull)
                } body: {
                    try await reply.value()
                }
            }
        }
    }

    private func correlate(
        _ message: WebSocketMessage, number: UInt64, route: String?, correlated: Bool
    ) throws -> (request: WebSocketMessage, match: PendingReplies.Match) {
        guard correlated else {
            guard let route else {
                throw SocketServiceError(
                    .notCorrelatable, "without a correlation ID, a request needs the route of its answer")
            }
            return (message, .route(route))
        }
        guard let correlated = environment.options.router.correlated(message, proposedID: number) else {
            throw SocketServiceError(
                .notCorrelatable,
                "the router cannot put a correlation ID into the request; make it a JSON object whose ID, if it has one, is "
                    + "not null, or pass `correlated: false` and the route of the answer")
        }
        return (correlated.message, .correlationID(correlated.id, route: route))
    }

    /// Messages sent now go out only after `onOpen` handlers, and so after the handler that runs.
    private var isBehindHandlers: Bool {
        outbox.isGreeting ?? life.hasOpenHandlers
    }

    private func send(
        _ request: WebSocketMessage, number: UInt64, timeout: Duration, _ caller: Caller,
        _ reply: Completion<WebSocketMessage>
    ) async {
        do {
            let outcome = try await outbox.send(
                request, .expiring(after: timeout), requestNumber: number, from: caller)
            if case .dropped(let reason) = outcome { reply.fail(SocketServiceError.requestDropped(reason)) }
        } catch {
            reply.fail(error)
        }
    }
}

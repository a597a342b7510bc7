internal import Synchronization

extension SocketService {
    /// Sends a request and waits for its answer.
    ///
    /// A request finds its answer by a correlation ID, under the router's key, `id` by default. One that has no ID yet
    /// gets one; the peer copies it into the answer. The answer goes to the caller alone, not to registered handlers.
    /// While the service is not connected the request is queued, no longer than the timeout.
    ///
    /// - Parameters:
    ///   - body: What to send, encoded by the codec.
    ///   - route: The answer's route; `nil` for any.
    ///   - type: What to decode the answer as.
    ///   - correlated: Whether the answer carries the request's ID. Without, the next message of the route is the
    ///     answer; several requests for the same route are answered in their order.
    ///   - timeout: How long the whole may take. The default is 10 s.
    ///   - survivesReconnect: Whether an answer may still come after the connection that the request was sent on is
    ///     lost. The request is not sent again. By default, losing the connection fails the request.
    /// - Throws: ``SocketServiceError``: `requestTimedOut`, `connectionFailed`, `requestDropped`, `gaveUp`, `stopped`,
    ///   `notCorrelatable`, or `decodingFailed` for an answer of another type; `CancellationError` when the task is
    ///   cancelled; what ``send(_:delivery:)-(WebSocketMessage,_)`` throws.
    public func request<Reply: Decodable & Sendable>(
        _ body: some Encodable,
        reply route: String? = nil,
        as type: Reply.Type = Reply.self,
        correlated: Bool = true,
        timeout: Duration = .seconds(10),
        survivesReconnect: Bool = false
    ) async throws -> Reply {
        let reply = try await request(
            message: options.codec.encode(body), reply: route, correlated: correlated, timeout: timeout,
            survivesReconnect: survivesReconnect)
        do {
            return try options.codec.decode(type, from: reply)
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
        let deadline = clock.now + timeout
        let reply = Completion<WebSocketMessage>()
        inbox.expectReply()
        defer { inbox.endExpectingReply() }
        let (request, number) = try addRequest(
            message, route: route, correlated: correlated, survivesReconnect: survivesReconnect, reply)
        defer { forgetRequest(number) }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { [clock] in
                try await clock.sleep(until: deadline)
                reply.fail(
                    SocketServiceError(
                        .requestTimedOut, "no answer to the request came within \(timeout)", route: route))
            }
            group.addTask { await self.send(request, number: number, timeout: timeout, reply) }
            return try await reply.value()
        }
    }

    private func addRequest(
        _ message: WebSocketMessage, route: String?, correlated: Bool, survivesReconnect: Bool,
        _ reply: Completion<WebSocketMessage>
    ) throws -> (message: WebSocketMessage, number: UInt64) {
        try core.withLock { core in
            guard !core.machine.isStopped else { throw SocketServiceError.stopped }
            let number = core.nextNumber()
            let request: WebSocketMessage
            let match: PendingReplies.Match
            if correlated {
                guard let correlated = options.router.correlated(message, proposedID: number) else {
                    throw SocketServiceError(
                        .notCorrelatable,
                        "the router cannot put a correlation ID into the request; make it a JSON object, or pass "
                            + "`correlated: false` and the route of the answer")
                }
                request = correlated.message
                match = .correlationID(correlated.id, route: route)
            } else {
                guard let route else {
                    throw SocketServiceError(
                        .notCorrelatable, "without a correlation ID, a request needs the route of its answer")
                }
                request = message
                match = .route(route)
            }
            core.replies.add(
                PendingReplies.Entry(
                    number: number, match: match, survivesReconnect: survivesReconnect, reply: reply))
            return (request, number)
        }
    }

    private func send(
        _ request: WebSocketMessage, number: UInt64, timeout: Duration, _ reply: Completion<WebSocketMessage>
    ) async {
        do {
            let outcome = try await submit(request, .expiring(after: timeout), requestNumber: number)
            if case .dropped(let reason) = outcome { failRequest(number: number, reason: reason) }
        } catch {
            reply.fail(error)
        }
    }

    /// From now on the loss of this connection fails the request.
    func noteRequestSent(number: UInt64, generation: UInt64) {
        core.withLock { core in
            guard !core.replies.isEmpty else { return }
            guard let request = core.replies.markSent(number: number) else { return }
            guard core.link?.generation != generation, !request.survivesReconnect else { return }
            // The connection was lost before it could be noted that the request went out on it.
            core.replies.remove(number: number)
            request.reply.fail(
                SocketServiceError(.connectionFailed, "the connection was lost before the answer to the request came"))
        }
    }

    func failRequest(number: UInt64, reason: DropReason) {
        let request = core.withLock { $0.replies.remove(number: number) }
        request?.reply.fail(
            SocketServiceError(.requestDropped, "the request was not sent: \(reason)", dropReason: reason))
    }

    private func forgetRequest(_ number: UInt64) {
        core.withLock { core in
            core.replies.remove(number: number)
            // Nobody waits for the answer any more.
            if core.queue.remove(number: number) { meters.queued(core.queue.count) }
        }
    }
}

internal import LibWebSockets
internal import Logging
internal import Synchronization

extension ConnectionLife {
    /// Reads from a connection and keeps its heartbeat, until it ends. The connection itself tells of its end, whatever
    /// handlers do.
    ///
    /// - Returns: The end of it; `nil` when it was left behind, and belongs to whoever closes it.
    func serve(_ open: OpenConnection, _ heart: HeartbeatDriver) async -> ConnectionFailure? {
        let connection = open.connection
        // It goes on to the connection's last message, also beside a newer connection.
        environment.startReading(connection) { await self.read(open, heart) }
        let watching = environment.start {
            do {
                let closure = try await connection.ended()
                open.ended.succeed(Self.failure(closure, connection.closeError))
            } catch {
                // Cancelled: the end is known already, or no concern of this task's.
            }
        }
        let beating = environment.start {
            if let failure = await heart.run() { open.ended.succeed(failure) }
        }
        let failure = try? await open.ended.value()
        watching.cancel()
        beating.cancel()
        // It sleeps, or looks at the connection: nothing of the app's is waited for.
        await beating.value
        // Without a failure, this task was cancelled. With one it may be too late: a task that closes the connection
        // meanwhile is not to be disturbed.
        guard let failure, core.withLock({ $0.machine.isCurrent(open.generation) }) else { return nil }
        // Dead or not greeted, it is aborted; one that has ended answers the peer's close frame yet.
        if connection.closure == nil { connection.abort() }
        outbox.disconnect(open.generation)
        // The answers that are here already still find their requests.
        await waitUntilRead(open.generation)
        return failure
    }

    /// Returns the failure that a closure stands for. The peer's close frame tells more than the error of a call that found
    /// the connection closed.
    static func failure(_ closure: WebSocketClosure, _ error: (any Error)?) -> ConnectionFailure {
        if closure.received == nil, let error { return .lost(error) }
        return .closed(closure)
    }

    /// The `onOpen` handlers have returned, or one has thrown.
    func greeted(_ open: OpenConnection, _ error: (any Error)?) {
        guard let error else {
            return outbox.endGreeting(open.generation)
        }
        let isCurrent = core.withLock { $0.machine.isCurrent(open.generation) }
        if isCurrent, open.ended.succeed(.onOpenFailed(error)) {
            environment.meters.handlerFailed()
        } else {
            // The end of the connection cut them short, and is told anyway.
            environment.logger.debug("onOpen of an ended connection", metadata: [LoggingKeys.error: "\(error)"])
        }
    }

    func note(roundTrip: Duration, of generation: UInt64) {
        environment.meters.measured(roundTrip: roundTrip)
        core.withLock { core in
            guard core.machine.isCurrent(generation) else { return }
            if core.roundTripTime?.add(roundTrip) == nil { core.roundTripTime = RoundTripTime(first: roundTrip) }
        }
        environment.broadcaster.send(.roundTrip(roundTrip))
    }

    // MARK: Reading

    /// Waits until all that the connection brought before its end was read, as far as there is room. Not for longer than
    /// closing may take: the reader calls the app's router.
    func waitUntilRead(_ generation: UInt64) async {
        let read = dispatcher.readingEnds(generation)
        guard !read.isComplete else { return }
        // Fails only past its limit, or when the waiting task is cancelled.
        try? await environment.withLimit(environment.options.closeTimeout) { try await read.value() }
    }

    private func read(_ open: OpenConnection, _ heart: HeartbeatDriver) async {
        defer { dispatcher.endReading(open.generation) }
        do {
            while true {
                if let room = dispatcher.room(for: open.generation) {
                    heart.readingPaused()
                    try await room.value()
                    heart.readingResumed()
                }
                guard let batch = try await open.connection.nextMessages() else { return }
                environment.meters.received(batch)
                var messages = batch
                if heart.asksApp || !requests.isEmpty {
                    messages = await environment.onAppsThreads(open.connection) {
                        heart.received(batch)
                        return requests.takeAnswers(in: batch, from: open.generation)
                    }
                } else {
                    // A request that is added from here on is sent after this batch has come.
                    heart.received(batch)
                }
                if !messages.isEmpty { dispatcher.append(messages, from: open.generation) }
            }
        } catch {
            // The end of the connection is told to whoever waits for it.
            environment.logger.trace("reading ended", metadata: [LoggingKeys.error: "\(error)"])
        }
    }
}

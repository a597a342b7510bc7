internal import Logging
internal import Synchronization

extension ConnectionLife {
    /// Reads from a connection and keeps its heartbeat, until it ends. That is learned from the connection itself, whatever
    /// handlers do.
    ///
    /// - Returns: How it ended; `nil` when it was left behind, and belongs to whoever closes it.
    func serve(_ open: OpenConnection, _ heart: HeartbeatDriver) async -> ConnectionFailure? {
        let connection = open.connection
        // It goes on to the connection's last message, also beside a newer connection.
        environment.startReading(connection) { await self.read(open, heart) }
        let watching = environment.start {
            do {
                let closure = try await connection.ended()
                open.ended.succeed(Self.failure(closure, connection.closeError))
            } catch {
                // Cancelled: it is known how it ended, or no concern of this task's.
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
        // Without a failure, this task was cancelled. With one it may be too late: whoever closes the connection meanwhile is not
        // to be disturbed.
        guard let failure, core.withLock({ $0.machine.isCurrent(open.generation) }) else { return nil }
        // Dead or not greeted, it is dropped; one that has ended answers the peer's close frame yet.
        if connection.closure == nil { connection.abort() }
        outbox.disconnect(open.generation)
        // The answers that are here already still find their requests.
        await waitUntilRead(open.generation)
        return failure
    }

    /// What the peer said in its close frame tells more than the error of what found the connection closed.
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
            // How the connection ended is told anyway, and is why they were cut short.
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
        // Fails only past its limit, or when whoever waits is cancelled.
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
            // How the connection ended is told to whoever waits for that.
            environment.logger.trace("reading ended", metadata: [LoggingKeys.error: "\(error)"])
        }
    }
}

internal import DequeModule
internal import Logging
internal import Synchronization

extension SocketService {
    /// Starts to connect.
    ///
    /// Returns as soon as what can be checked before connecting is checked, unless told to wait. Does nothing while the
    /// service is running; after giving up it begins anew.
    ///
    /// - Parameter waitingForOpen: Whether to return only once the connection is open.
    /// - Throws: `WebSocketError` for a URL or header that cannot be used; ``SocketServiceError`` with the code
    ///   ``SocketServiceError/Code/stopped`` for a service that was stopped, and, when waiting,
    ///   ``SocketServiceError/Code/gaveUp``; `CancellationError` when the waiting task is cancelled, which does not
    ///   stop the service.
    public func start(waitingForOpen: Bool = false) async throws {
        try validate()
        let opened = waitingForOpen ? Completion<HandshakeResponse>() : nil
        try core.withLock { core in
            if core.machine.isStopped { throw SocketServiceError.stopped }
            if let attempt = core.machine.start() { launch(attempt, &core) }
            guard let opened else { return }
            if let link = core.link {
                opened.succeed(link.connection.handshake)
            } else {
                core.openWaiters.removeAll(where: \.isComplete)
                core.openWaiters.append(opened)
            }
        }
        _ = try await opened?.value()
    }

    /// Checks what can be checked before connecting.
    func validate() throws {
        try source.validate(with: transport)
    }

    /// Connects now instead of after the wait: for when the app knows that the network is back.
    ///
    /// Also begins anew after giving up. Does nothing in other states.
    public func reconnectNow() {
        core.withLock { core in
            guard let attempt = core.machine.reconnectNow() else { return }
            launch(attempt, &core)
        }
    }

    /// Closes the connection and makes no other until ``resume()``. What is sent meanwhile is queued.
    ///
    /// Returns once the connection is closed.
    public func pause(code: CloseCode = .normalClosure, reason: String = "") async {
        let (closing, lost) = change { core, drops in
            let action = core.machine.pause()
            leave(action, code: code, reason: reason, &core)
            if action == .abandon { broadcaster.send(.paused) }
            settleRoomWaiters(&core, &drops)
            return (core.closeTask, action == .closeConnection ? core.replies.takeLost() : [])
        }
        for request in lost {
            request.reply.fail(
                SocketServiceError(.connectionFailed, "the service was paused before the answer to the request came"))
        }
        await closing?.value
    }

    /// Connects again after ``pause(code:reason:)``.
    public func resume() {
        core.withLock { core in
            guard let attempt = core.machine.start() else { return }
            launch(attempt, &core)
        }
    }

    /// Ends the service for good, from any state, without waiting for a delay or an attempt under way.
    ///
    /// An open connection is closed with a close handshake; a peer that does not answer it is dropped after
    /// ``Options/closeTimeout``. A handler that is running is cancelled and awaited for as long; no other handler runs
    /// but `onClose`. Called from a handler, `stop` does not wait for it. Every call that waits for something of the
    /// service ends.
    ///
    /// - Returns: The messages that were queued and never sent, to the first caller.
    @discardableResult
    public func stop(code: CloseCode = .normalClosure, reason: String = "") async -> [WebSocketMessage] {
        await stop(code: code, reason: reason, reportsLeftovers: false)
    }

    /// - Parameter reportsLeftovers: Whether messages that were never sent are reported as dropped, as nobody looks at
    ///   what is returned.
    @discardableResult
    func stop(code: CloseCode, reason: String, reportsLeftovers: Bool) async -> [WebSocketMessage] {
        let isInsideHandler = isInsideHandler
        let (stopping, ending, isFirst) = core.withLock { core in
            if let stopping = core.stopTask { return (stopping, core.endTask, false) }
            let stopping = beginStopping(
                code: code, reason: reason, cancelsHandler: !isInsideHandler, reportsLeftovers: reportsLeftovers, &core)
            return (stopping, core.endTask, true)
        }
        let leftovers = await stopping.value
        if !isInsideHandler { await ending?.value }
        return isFirst ? leftovers : []
    }

    func launch(_ attempt: StateMachine.Attempt, _ core: inout Core) {
        core.phaseTask?.cancel()
        core.phaseTask = Task { await run(attempt) }
    }

    private func beginStopping(
        code: CloseCode, reason: String, cancelsHandler: Bool, reportsLeftovers: Bool, _ core: inout Core
    ) -> Task<[WebSocketMessage], Never> {
        let deadline = clock.now + options.closeTimeout
        leave(core.machine.stop(), code: code, reason: reason, &core)
        inbox.stop()
        if cancelsHandler { core.dispatchTask?.cancel() }
        core.expiry?.task.cancel()
        for request in core.replies.takeAll() { request.reply.fail(SocketServiceError.stopped) }
        for waiter in core.openWaiters { waiter.fail(SocketServiceError.stopped) }
        for waiter in core.roomWaiters { waiter.outcome.succeed(.dropped(.closed)) }
        for waiter in core.flushWaiters { waiter.succeed() }
        core.openWaiters = []
        core.roomWaiters = []
        core.flushWaiters = []
        let (closing, draining) = (core.closeTask, core.drainTask)
        let stopping = Task {
            await closing?.value
            // It puts back what it could not send.
            await draining?.value
            return takeLeftovers(reporting: reportsLeftovers)
        }
        core.stopTask = stopping
        core.endTask = Task {
            _ = await stopping.value
            await waitForHandlers(until: deadline)
            await waitForReports()
            endForGood()
        }
        return stopping
    }

    private func takeLeftovers(reporting: Bool) -> [WebSocketMessage] {
        change { core, drops in
            core.queue.removeExpired(now: clock.now, drops: &drops)
            let leftovers = core.queue.removeAll()
            meters.queued(0)
            guard reporting else { return leftovers.map(\.message) }
            drops += leftovers.map { SendQueue.Drop(entry: $0, reason: .closed) }
            return []
        }
    }

    private func waitForHandlers(until deadline: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                // Only fails when the deadline has passed and cancels it.
                try? await inbox.waitUntilIdle()
            }
            group.addTask { [self] in
                // Only fails when the handlers have returned.
                try? await clock.sleep(until: deadline)
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func endForGood() {
        broadcaster.finish(with: .stopped(undelivered: inbox.undeliveredCount))
        logger.debug("stopped", metadata: [LoggingKeys.count: "\(inbox.undeliveredCount)"])
        let waiters = core.withLock { core in
            defer { core.endWaiters = [] }
            return core.endWaiters
        }
        for waiter in waiters { waiter.succeed() }
        handlers.release()
    }

    /// Leaves the current phase: its task ends, and an open connection is closed beside it.
    private func leave(
        _ action: StateMachine.LeaveAction, code: CloseCode, reason: String, _ core: inout Core
    ) {
        switch action {
        case .nothing:
            return
        case .abandon:
            core.phaseTask?.cancel()
        case .closeConnection:
            core.phaseTask?.cancel()
            core.drainTask?.cancel()
            guard let link = core.link.take() else { return }
            let draining = core.drainTask
            core.closeTask = Task {
                let closure = await close(link.connection, code: code, reason: reason)
                await draining?.value
                closed(closure)
            }
        }
    }

    /// The close handshake, cut off at the deadline.
    private func close(
        _ connection: any SocketConnection, code: CloseCode, reason: String
    ) async -> WebSocketClosure {
        let deadline = clock.now + options.closeTimeout
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { [clock] in
                do {
                    try await clock.sleep(until: deadline)
                    connection.abort()
                } catch {
                    // Cancelled: the handshake is complete.
                }
            }
            let closure = await connection.close(code: code, reason: reason)
            group.cancelAll()
            return closure
        }
    }

    private func closed(_ closure: WebSocketClosure) {
        logger.debug("closed", metadata: [LoggingKeys.closeCode: "\(closure.code)"])
        core.withLock { core in
            broadcaster.send(.closed(.closed(closure)))
            deliver(.closed(.closed(closure)), &core)
            if let attempt = core.machine.closingFinished() {
                launch(attempt, &core)
            } else if core.machine.state == .idle {
                broadcaster.send(.paused)
            }
        }
    }
}

internal import LibWebSockets
internal import Logging
internal import Synchronization

extension ConnectionLife {
    /// - Parameter reportsUnsent: Messages that were never sent are reported as dropped, as nobody looks at what is
    ///   returned.
    @discardableResult
    func stop(code: CloseCode, reason: String, reportsUnsent: Bool) async -> [WebSocketMessage] {
        let isHandlerTask = dispatcher.isHandlerTask
        let deadline = environment.clock.deadline(after: environment.options.closeTimeout)
        let (stopping, isFirst) = core.change { core, afterwards in
            if let stopping = core.stopTask { return (stopping, false) }
            let stopping = beginStopping(
                code: code, reason: reason, byHandler: isHandlerTask, reportsUnsent: reportsUnsent,
                deadline, &core, &afterwards)
            return (stopping, true)
        }
        // A child of the handler's task was cancelled with it, now or before, and would wait for itself. Nobody cancels
        // other tasks that a handler has started.
        let isInsideHandler = isHandlerTask || (Task.isCancelled && dispatcher.caller != .outside)
        await stopping.value
        let unsent = isFirst ? takeUnsent() : []
        if !isInsideHandler { await core.withLock(\.endTask)?.value }
        return unsent
    }

    private func beginStopping(
        code: CloseCode, reason: String, byHandler: Bool, reportsUnsent: Bool,
        _ deadline: Duration, _ core: inout Core, _ afterwards: inout Afterwards
    ) -> Task<Void, Never> {
        leave(
            core.machine.stop(), code: code, reason: reason, lost: .stopped, byHandler: byHandler, &core, &afterwards)
        dispatcher.stop(&afterwards)
        if !byHandler { dispatcher.cancelHandler(&afterwards) }
        outbox.stop(&afterwards)
        requests.failAll(.stopped, &afterwards)
        for waiter in core.openWaiters { waiter.fail(SocketServiceError.stopped, &afterwards) }
        core.openWaiters = []
        let (running, closing) = (core.runTask, core.closeTask)
        let stopping = environment.start(&afterwards) {
            await closing?.value
            // It puts back what it could not send.
            await self.outbox.waitForDrain()
            let unsent = self.outbox.takeUnsent(reporting: reportsUnsent)
            self.core.withLock { $0.unsent = unsent }
        }
        core.stopTask = stopping
        core.endTask = environment.start(&afterwards) {
            await stopping.value
            // The app's handlers, its hooks and what is left of an attempt may hang: then nobody waits. `onClose`, which
            // comes only now, has time of its own, whatever the peer took.
            let options = self.environment.options
            let rest = deadline - self.environment.clock.now
            let limit = self.environment.handlers.read { $0.close.isEmpty } ? rest : options.closeTimeout
            try? await self.environment.withLimit(limit) {
                try await self.dispatcher.waitUntilIdle()
                await self.outbox.waitForReports()
                await running?.value
            }
            self.endForGood()
        }
        return stopping
    }

    private func takeUnsent() -> [WebSocketMessage] {
        core.withLock { core in
            defer { core.unsent = [] }
            return core.unsent
        }
    }

    private func endForGood() {
        let unseen = dispatcher.unseenCount
        environment.broadcaster.finish(with: .stopped(unseen: unseen))
        environment.logger.debug("stopped", metadata: [LoggingKeys.count: "\(unseen)"])
        let waiters = core.withLock { core in
            defer { core.endWaiters = [] }
            return core.endWaiters
        }
        for waiter in waiters { waiter.succeed() }
        environment.handlers.release()
    }

    // MARK: Running

    /// Waits until the service gives up or has stopped.
    func addEndWaiter(_ ended: Completion<Void>) {
        core.change { core, afterwards in
            if core.machine.isStopped {
                ended.fail(SocketServiceError.stopped, &afterwards)
            } else {
                core.endWaiters.append(ended)
            }
        }
    }

    func removeEndWaiter(_ ended: Completion<Void>) {
        core.withLock { $0.endWaiters.removeAll { $0 === ended } }
    }

    /// Waits until everything is sent, or nothing can be, but not beyond the deadline.
    ///
    /// - Parameter full: Completes when only the return of the handler that waits could make the peer take more; `nil` where
    ///   it is not a handler.
    func flush(until deadline: Duration, orUntil full: Completion<Void>? = nil) async {
        guard core.withLock({ !$0.machine.isFinished && !$0.machine.isPaused }) else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [outbox] in
                // Only fails when the deadline has passed, or the task that shuts down is cancelled: stop at once.
                try? await outbox.flush(isHandlers: full != nil)
            }
            group.addTask { [environment] in
                // Only fails when everything was sent.
                try? await environment.clock.sleep(until: deadline)
            }
            if let full {
                group.addTask {
                    // Likewise.
                    try? await full.value()
                }
            }
            await group.next()
            group.cancelAll()
        }
    }
}

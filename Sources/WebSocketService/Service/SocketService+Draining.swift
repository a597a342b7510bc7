internal import DequeModule
internal import Logging
internal import Synchronization

extension SocketService {
    /// The `onOpen` handlers of a connection have returned, so that the queue may follow.
    func greetingFinished(_ generation: UInt64) {
        core.withLock { core in
            guard core.link?.generation == generation, core.link?.phase == .greeting else { return }
            startDraining(&core)
        }
    }

    func startDraining(_ core: inout Core) {
        guard let link = core.link else { return }
        core.link?.phase = .draining
        core.activeDrains += 1
        let previous = core.drainTask
        core.drainTask = Task {
            // It may still hold the oldest message, which a lost connection is about to hand back.
            await previous?.value
            await drain(link)
            drainEnded()
        }
    }

    private func drain(_ link: Core.Link) async {
        while let entry = nextToDrain(link.generation) {
            do {
                try await link.connection.send(entry.message)
                meters.sent(entry.message)
                core.withLock { $0.queue.finishTaken() }
                noteRequestSent(number: entry.number, generation: link.generation)
            } catch {
                guard error is CancellationError || link.connection.hasEnded(error) else {
                    logger.warning("message refused", metadata: [LoggingKeys.error: "\(error)"])
                    core.withLock { $0.queue.finishTaken() }
                    report([SendQueue.Drop(entry: entry, reason: .rejected)])
                    continue
                }
                core.withLock { $0.queue.restoreTaken() }
                return
            }
        }
    }

    /// The oldest message; `nil` when there is none, and from then on messages go straight to the connection.
    private func nextToDrain(_ generation: UInt64) -> SendQueue.Entry? {
        change { core, drops -> SendQueue.Entry? in
            guard core.link?.generation == generation, core.link?.phase == .draining else { return nil }
            core.queue.removeExpired(now: clock.now, drops: &drops)
            admitRoomWaiters(&core)
            meters.queued(core.queue.count)
            if let entry = core.queue.takeFirst() { return entry }
            core.link?.phase = .direct
            core.expiry?.task.cancel()
            core.expiry = nil
            for waiter in core.flushWaiters { waiter.succeed() }
            core.flushWaiters = []
            return nil
        }
    }

    private func drainEnded() {
        change { core, drops in
            core.activeDrains -= 1
            if core.link == nil { settleRoomWaiters(&core, &drops) }
        }
    }

    // MARK: Senders that wait for room

    private func admitRoomWaiters(_ core: inout Core) {
        while let waiter = core.roomWaiters.first, core.queue.hasRoom(for: waiter.entry) {
            core.roomWaiters.removeFirst()
            // A sender whose task was cancelled has been told that its message is not taken.
            if waiter.outcome.succeed(.queued) { core.queue.insert(waiter.entry) }
        }
        scheduleExpiry(&core)
    }

    /// Without a connection the overflow rule decides about senders that waited for the queue to drain; but not before
    /// the drain has handed back what it holds, which has a place in the queue.
    func settleRoomWaiters(_ core: inout Core, _ drops: inout [SendQueue.Drop]) {
        guard core.activeDrains == 0, core.queue.policy.overflow != .suspend else { return }
        while let waiter = core.roomWaiters.popFirst() {
            guard !waiter.outcome.isComplete else { continue }
            switch core.queue.admit(waiter.entry, drops: &drops) {
            case .queued:
                if !waiter.outcome.succeed(.queued) { _ = core.queue.remove(number: waiter.entry.number) }
            case .dropped(let reason):
                waiter.outcome.succeed(.dropped(reason))
            case .full, .wait:
                waiter.outcome.fail(SocketServiceError.queueFull)
            }
        }
        meters.queued(core.queue.count)
        scheduleExpiry(&core)
    }

    // MARK: Expiry

    /// Sees to it that a message is dropped, and reported, when its time to live has passed.
    func scheduleExpiry(_ core: inout Core) {
        // A service that stops hands out what is left: nothing may wait for that, nor keep the service.
        guard !core.machine.isStopped, let instant = core.queue.nextExpiry else { return }
        if let scheduled = core.expiry, scheduled.instant <= instant { return }
        core.expiry?.task.cancel()
        let task = Task {
            do {
                try await clock.sleep(until: instant)
            } catch {
                return
            }
            dropExpired(scheduledAt: instant)
        }
        core.expiry = (instant, task)
    }

    private func dropExpired(scheduledAt instant: Duration) {
        change { core, drops in
            guard core.expiry?.instant == instant else { return }
            core.expiry = nil
            core.queue.removeExpired(now: clock.now, drops: &drops)
            admitRoomWaiters(&core)
            meters.queued(core.queue.count)
            scheduleExpiry(&core)
        }
    }

    // MARK: Reports

    /// Changes the core, and then tells everybody concerned of the queued messages that will not be sent after all. The
    /// service does not end before they know.
    func change<Result>(_ body: (inout Core, inout [SendQueue.Drop]) -> Result) -> Result {
        var drops: [SendQueue.Drop] = []
        let result = core.withLock { core in
            let result = body(&core, &drops)
            if !drops.isEmpty { core.reportsUnderWay += 1 }
            return result
        }
        guard !drops.isEmpty else { return result }
        report(drops)
        let waiters = core.withLock { core -> [Completion<Void>] in
            core.reportsUnderWay -= 1
            guard core.reportsUnderWay == 0 else { return [] }
            defer { core.reportWaiters = [] }
            return core.reportWaiters
        }
        for waiter in waiters { waiter.succeed() }
        return result
    }

    /// Waits until everybody has been told of the messages that were dropped so far.
    func waitForReports() async {
        let reported = Completion<Void>()
        core.withLock { core in
            if core.reportsUnderWay == 0 { reported.succeed() } else { core.reportWaiters.append(reported) }
        }
        // Fails only when the task is cancelled that waits.
        try? await reported.value()
    }

    /// Tells everybody concerned that queued messages will not be sent.
    private func report(_ drops: [SendQueue.Drop]) {
        guard !drops.isEmpty else { return }
        let hooks = handlers.read { $0.dropped }
        for drop in drops {
            meters.dropped()
            logger.debug("dropped", metadata: [LoggingKeys.dropReason: "\(drop.reason)"])
            broadcaster.send(.dropped(drop.entry.message, drop.reason))
            for hook in hooks { hook.body(drop.entry.message, drop.reason) }
            failRequest(number: drop.entry.number, reason: drop.reason)
        }
    }
}

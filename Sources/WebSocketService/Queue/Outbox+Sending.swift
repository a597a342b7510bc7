internal import LibWebSockets
internal import Logging
internal import Synchronization

extension Outbox {
    enum Admission {
        case direct(Destination)
        case decided(Verdict)
        case waits(Completion<Verdict>)
    }

    /// Sends a message, or takes it in; see the table in the documentation of ``SocketService/State``.
    ///
    /// - Parameter requestNumber: The number that a request got when it was made.
    func send(
        _ message: WebSocketMessage, _ delivery: Delivery, requestNumber: UInt64? = nil, from caller: Caller
    ) async throws -> SendOutcome {
        let expiry = policy.timeToLive(of: delivery).map { environment.clock.now + $0 }
        var number = requestNumber
        // A message that an ended connection has not taken is still under way until it has another place.
        var isLeft = false
        while true {
            let admission = admit(message, delivery, &number, expiry, caller)
            if isLeft { endHandover() }
            isLeft = false
            switch admission {
            case .direct(let destination):
                let handover = await handOver(message, delivery, requestNumber, expiry, caller, destination)
                guard case .ended = handover else {
                    endHandover()
                    return try outcome(handover, of: message)
                }
                // It counts as down from now on, so that this comes to an end.
                disconnect(destination.generation)
                isLeft = true
            case .decided(let verdict):
                // A loop that sends while nothing goes out suspends nowhere else. On one core it would keep the connection from
                // coming back.
                await Task.yield()
                return try outcome(verdict)
            case .waits(let sender):
                return try outcome(try await wait(sender, number, caller))
            }
        }
    }

    private func admit(
        _ message: WebSocketMessage, _ delivery: Delivery, _ number: inout UInt64?, _ expiry: Duration?,
        _ caller: Caller
    ) -> Admission {
        let (assigned, direct) = state.withLock { state -> (UInt64, Admission?) in
            let number = number ?? state.machine.nextNumber()
            return (number, state.machine.admitNow(caller).flatMap { admission($0, number, &state) })
        }
        number = assigned
        if let direct { return direct }
        // From here on nothing is in a hurry.
        let caller = caller == .outside && keepsOthersWaiting(caller) ? .handler : caller
        let now = environment.clock.now
        let entry = SendQueue.Entry(number: assigned, message: message, expiry: expiry)
        return change { state, effects in
            let admitted = state.machine.admit(
                entry, mayBeQueued: delivery.mayBeQueued, caller, now: now, &effects)
            return admission(admitted, assigned, &state)
        }
    }

    /// Admits what is sent over the open connection or not at all.
    func admitAtOnce(_ caller: Caller) -> Admission {
        state.withLock { state in
            state.machine.admitNow(caller).map { admission($0, 0, &state) }
                ?? .decided(.outcome(.dropped(.notConnected)))
        }
    }

    private func admission(_ admission: StateMachine.Admission, _ number: UInt64, _ state: inout State) -> Admission {
        switch admission {
        case .direct(let destination):
            handovers.add(1, ordering: .sequentiallyConsistent)
            return .direct(destination)
        case .decided(let verdict):
            return .decided(verdict)
        case .waits:
            let sender = Completion<Verdict>()
            state.senders[number] = sender
            return .waits(sender)
        }
    }

    private func handOver(
        _ message: WebSocketMessage, _ delivery: Delivery, _ requestNumber: UInt64?, _ expiry: Duration?,
        _ caller: Caller, _ destination: Destination
    ) async -> Handover {
        if let requestNumber { requests.willSend(requestNumber, on: destination.generation) }
        var handover = await destination.connection.handOverNow(message)
        if case .noRoom = handover, delivery.mayBeQueued, PiecesUnderWay.holdsUp(self) {
            handover = .refused(SocketServiceError.messageUnderWay)
        }
        if case .noRoom = handover, delivery.mayBeQueued {
            if let requestNumber { requests.didNotSend(requestNumber, waitsForRoom: true) }
            // The answer may be there before this task knows that the connection had room.
            let taken: @Sendable () -> Void = { [requests] in
                if let requestNumber { requests.didSend(requestNumber, on: destination.generation) }
            }
            if let waiting = dispatcherKeptWaiting(by: caller) {
                handover = await waiting.whileHandlerWaits { full in
                    await destination.connection.handOver(
                        message, until: expiry, orUntil: full, environment.clock, taken: taken)
                }
            } else {
                handover = await destination.connection.handOver(
                    message, until: expiry, environment.clock, taken: taken)
            }
        }
        if let requestNumber {
            if case .taken = handover {
                requests.didSend(requestNumber, on: destination.generation)
            } else {
                requests.didNotSend(requestNumber)
            }
        }
        return handover
    }

    func endHandover() {
        handovers.subtract(1, ordering: .sequentiallyConsistent)
        guard isFlushing.load(ordering: .sequentiallyConsistent) else { return }
        state.change { completeFlushes(&$0, &$1) }
    }

    /// Tells whether something may come only after this caller has returned: it is a handler, or may be the body of a loop.
    /// The body's child tasks tell nobody what they belong to, so that while a loop holds a message everybody counts.
    private func keepsOthersWaiting(_ caller: Caller) -> Bool {
        caller != .outside || environment.handlers.loopHoldsMessage
    }

    /// Returns the dispatcher whose messages wait for this caller: another service's, where a handler of that one sends
    /// over this one.
    func dispatcherKeptWaiting(by caller: Caller) -> Dispatcher? {
        dispatcher.callersOwn ?? (keepsOthersWaiting(caller) ? dispatcher : nil)
    }

    /// Waits for room in the queue, which may be the peer's to make, and the peer's only once it has been read.
    private func wait(_ sender: Completion<Verdict>, _ number: UInt64?, _ caller: Caller) async throws -> Verdict {
        guard let waiting = dispatcherKeptWaiting(by: caller) else { return try await wait(sender, number) }
        return try await waiting.whileHandlerWaits { full in
            try await withWatch {
                try await full.value()
                self.giveUp(number, .needsReturn)
            } body: {
                try await self.wait(sender, number)
            }
        }
    }

    private func wait(_ sender: Completion<Verdict>, _ number: UInt64?) async throws -> Verdict {
        try await sender.value { self.giveUp(number, .cancelled) }
    }

    private func giveUp(_ number: UInt64?, _ verdict: Verdict) {
        guard let number else { return }
        change { $0.machine.giveUp(number, verdict, &$1) }
    }

    func outcome(_ verdict: Verdict) throws -> SendOutcome {
        switch verdict {
        case .outcome(.dropped(let reason)): return dropped(reason)
        case .outcome(let outcome): return outcome
        case .full: throw SocketServiceError.queueFull
        case .fullForHandler: throw SocketServiceError.queueFullForHandler
        case .needsReturn: throw SocketServiceError.inboxFull
        case .cancelled: throw CancellationError()
        }
    }

    private func outcome(_ handover: Handover, of message: WebSocketMessage) throws -> SendOutcome {
        switch handover {
        case .taken:
            environment.meters.sent(byteCount: message.payload.count)
            return .sent
        case .noRoom, .ended: return dropped(.notConnected)
        case .expired: return dropped(.expired)
        case .needsReturn: throw SocketServiceError.inboxFull
        case .refused(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    func dropped(_ reason: DropReason) -> SendOutcome {
        environment.meters.dropped(reason)
        return .dropped(reason)
    }

    /// Takes a request back that is still queued.
    func remove(_ number: UInt64) {
        change { $0.machine.remove(number, &$1) }
    }

    // MARK: Draining

    func drain(_ destination: Destination) async {
        var last: StateMachine.Drained?
        while let entry = nextToDrain(destination.generation, after: last) {
            requests.willSend(entry.number, on: destination.generation)
            var handover = await destination.connection.handOverNow(entry.message)
            if case .noRoom = handover {
                requests.didNotSend(entry.number, waitsForRoom: true)
                handover = await destination.connection.handOver(
                    entry.message, until: entry.expiry, environment.clock,
                    taken: { self.requests.didSend(entry.number, on: destination.generation) })
            }
            if case .taken = handover {
                environment.meters.sent(byteCount: entry.message.payload.count)
                requests.didSend(entry.number, on: destination.generation)
                last = .taken
                continue
            }
            requests.didNotSend(entry.number)
            switch handover {
            case .refused(let error):
                environment.logger.warning("message refused", metadata: [LoggingKeys.error: "\(error)"])
                last = .refused
            case .expired:
                last = .expired
            default:
                last = .notTaken
                disconnect(destination.generation)
            }
        }
    }

    private func nextToDrain(_ generation: UInt64, after last: StateMachine.Drained?) -> SendQueue.Entry? {
        let now = environment.clock.now
        return change { $0.machine.nextToDrain(generation, after: last, now: now, &$1) }
    }

    // MARK: Reports

    /// Tells everybody concerned that queued messages will not be sent, and the gauge how many are queued. Under no lock: it
    /// calls the app's hooks.
    func tell(_ drops: [SendQueue.Drop]) {
        reportDepth()
        guard !drops.isEmpty else { return }
        report(drops)
        state.change { state, afterwards in
            state.reportsUnderWay -= 1
            guard state.reportsUnderWay == 0 else { return }
            for waiter in state.reportWaiters { waiter.succeed(&afterwards) }
            state.reportWaiters = []
        }
    }

    /// Waits until everybody has been told of the messages that were dropped so far.
    func waitForReports() async {
        let reported = Completion<Void>()
        state.withLock { state in
            if state.reportsUnderWay == 0 { reported.succeed() } else { state.reportWaiters.append(reported) }
        }
        // Fails only when the waiting task is cancelled.
        try? await reported.value()
    }

    private func report(_ drops: [SendQueue.Drop]) {
        let hooks = environment.handlers.read { $0.dropped }
        for drop in drops {
            environment.meters.dropped(drop.reason)
            environment.logger.debug("dropped", metadata: [LoggingKeys.dropReason: "\(drop.reason)"])
            environment.broadcaster.send(.dropped(drop.entry.message, drop.reason))
            for hook in hooks { hook.body(drop.entry.message, drop.reason) }
            requests.fail(drop.entry.number, drop.reason)
        }
    }

    /// One caller at a time, so that the gauge ends with the latest.
    private func reportDepth() {
        var depth = state.withLock { state -> Int? in
            guard !state.isReportingDepth, state.machine.queue.count != state.reportedDepth else { return nil }
            state.isReportingDepth = true
            return state.takeDepth()
        }
        while let current = depth {
            environment.meters.queued(current)
            depth = state.withLock { state in
                guard state.machine.queue.count == state.reportedDepth else { return state.takeDepth() }
                state.isReportingDepth = false
                return nil
            }
        }
    }
}

extension Outbox.State {
    fileprivate mutating func takeDepth() -> Int {
        reportedDepth = machine.queue.count
        return machine.queue.count
    }
}

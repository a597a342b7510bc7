internal import DequeModule

extension Outbox {
    /// The connection that messages go to.
    struct Destination: Sendable {
        let connection: any SocketConnection
        let generation: UInt64
        /// The `onOpen` handlers run, and only they send.
        var isGreeting: Bool
    }

    /// The outcome for a message that has to wait.
    enum Verdict: Hashable, Sendable {
        case outcome(SendOutcome)
        /// The queue is full, and its rule is to fail.
        case full
        /// The queue is full, and only the return of the handler that sends can make room.
        case fullForHandler
        /// Nothing more is read before the handler that sends returns, and perhaps nothing taken before that.
        case needsReturn
        /// The sender's task was cancelled.
        case cancelled
    }

    /// The work for when the lock is free; waiters are completed under it.
    struct Effects: Sendable {
        /// Queued messages that will not be sent after all.
        var drops: [SendQueue.Drop] = []
        /// Senders that need not wait any longer.
        var verdicts: [(number: UInt64, verdict: Verdict)] = []
        /// The connection that the queue is to be sent to from now on.
        var drain: Destination?
    }

    /// The messages that wait to be sent, and those who wait for it.
    struct StateMachine: Sendable {
        private struct Waiter {
            let entry: SendQueue.Entry
            let isHandlers: Bool
        }

        enum Admission: Sendable {
            /// Hand it to this connection.
            case direct(Destination)
            case decided(Verdict)
            /// A verdict will come among the effects.
            case waits
        }

        /// The connection's treatment of the message that was drained last.
        enum Drained: Hashable, Sendable {
            case taken
            case refused
            case expired
            /// The connection is over, and has not taken the message.
            case notTaken
        }

        private(set) var queue: SendQueue
        private(set) var destination: Destination?
        private(set) var isFinished = false
        private var waiters: Deque<Waiter> = []
        /// No waiter's time is over before. A bound that is too early only costs one look at them.
        private var earliestWaiterExpiry: Duration?
        /// The connection that is being sent the queue. There is one at a time: an older one may still hold the oldest
        /// message, which it is about to hand back.
        private var draining: UInt64?
        private var lastNumber: UInt64 = 0

        init(policy: QueuePolicy) {
            queue = SendQueue(policy: policy)
        }

        var waiterCount: Int { waiters.count }
        /// Messages go straight to the connection.
        var isDirect: Bool { isReady && queue.isEmpty && waiters.isEmpty && draining == nil }
        /// There is nothing to send.
        var isQuiet: Bool { queue.isEmpty && waiters.isEmpty && draining == nil && destination?.isGreeting != true }
        private var isReady: Bool { destination.map { !$0.isGreeting } ?? false }

        /// The time at which ``removeExpired(now:_:)`` has something to do next.
        var nextExpiry: Duration? {
            [queue.nextExpiry, waiters.isEmpty ? nil : earliestWaiterExpiry].compactMap(\.self).min()
        }

        mutating func nextNumber() -> UInt64 {
            lastNumber += 1
            return lastNumber
        }

        // MARK: Sending

        /// Decides about a message that need not wait; `nil` when it has to.
        func admitNow(_ caller: Caller) -> Admission? {
            if isFinished { return .decided(.outcome(.dropped(.closed))) }
            if case .onOpen(let generation) = caller {
                // Meant for that connection only: the next one's handlers send their own.
                guard let destination, destination.generation == generation else {
                    return .decided(.outcome(.dropped(.connectionEnded)))
                }
                if destination.isGreeting { return .direct(destination) }
            }
            return isDirect ? destination.map { .direct($0) } : nil
        }

        mutating func admit(
            _ entry: SendQueue.Entry, mayBeQueued: Bool, _ caller: Caller, now: Duration, _ effects: inout Effects
        ) -> Admission {
            if let admission = admitNow(caller) { return admission }
            guard mayBeQueued else { return .decided(.outcome(.dropped(.notConnected))) }
            removeExpired(now: now, &effects)
            // Those who wait already go first.
            let isBlocked = !waiters.isEmpty && queue.canHold(entry)
            let verdict =
                isBlocked || (draining != nil && !isReady && !queue.hasRoom(for: entry) && queue.canHold(entry))
                ? .wait : queue.admit(entry, waitsForRoom: isReady, drops: &effects.drops)
            switch verdict {
            case .queued:
                pump(&effects)
                return .decided(.outcome(.queued))
            case .dropped(let reason):
                return .decided(.outcome(.dropped(reason)))
            case .full:
                return .decided(.full)
            case .wait:
                let isHandlers = caller != .outside
                if isHandlers, !isReady, draining == nil { return .decided(.fullForHandler) }
                append(Waiter(entry: entry, isHandlers: isHandlers))
                return .waits
            }
        }

        /// A sender does not wait any longer.
        mutating func giveUp(_ number: UInt64, _ verdict: Verdict, _ effects: inout Effects) {
            guard let index = waiters.firstIndex(where: { $0.entry.number == number }) else { return }
            waiters.remove(at: index)
            effects.verdicts.append((number, verdict))
            // A smaller one may have stood behind it.
            admitWaiters(&effects)
        }

        /// Takes a message back that was not sent.
        mutating func remove(_ number: UInt64, _ effects: inout Effects) {
            if queue.remove(number: number) { admitWaiters(&effects) }
        }

        // MARK: The connection

        mutating func connect(_ destination: Destination, _ effects: inout Effects) {
            self.destination = destination
            settleWaiters(&effects)
            pump(&effects)
        }

        /// The `onOpen` handlers have returned, so that the queue may follow.
        mutating func endGreeting(_ generation: UInt64, _ effects: inout Effects) {
            guard destination?.generation == generation, destination?.isGreeting == true else { return }
            destination?.isGreeting = false
            admitWaiters(&effects)
            pump(&effects)
        }

        /// The connection has ended, or has refused a message because it is about to.
        mutating func disconnect(_ generation: UInt64, _ effects: inout Effects) {
            guard destination?.generation == generation else { return }
            destination = nil
            settleWaiters(&effects)
        }

        /// Nothing is sent any more.
        mutating func finish(_ effects: inout Effects) {
            isFinished = true
            destination = nil
            effects.verdicts += waiters.map { ($0.entry.number, .outcome(.dropped(.closed))) }
            waiters = []
        }

        /// The service begins anew after giving up.
        mutating func resume() {
            isFinished = false
        }

        mutating func takeUnsent(now: Duration, _ effects: inout Effects) -> [SendQueue.Entry] {
            queue.removeExpired(now: now, drops: &effects.drops)
            return queue.removeAll()
        }

        // MARK: Draining

        /// The oldest message, when it is this connection's turn. The caller hands it over and comes again.
        mutating func nextToDrain(
            _ generation: UInt64, after last: Drained?, now: Duration, _ effects: inout Effects
        ) -> SendQueue.Entry? {
            switch last {
            case .taken: queue.finishTaken()
            case .refused: queue.dropTaken(.rejected, drops: &effects.drops)
            case .expired: queue.dropTaken(.expired, drops: &effects.drops)
            case .notTaken: queue.restoreTaken()
            case nil: break
            }
            if last != .notTaken, destination?.generation == generation, isReady {
                removeExpired(now: now, &effects)
                if let entry = queue.takeFirst() {
                    admitWaiters(&effects)
                    return entry
                }
            }
            draining = nil
            settleWaiters(&effects)
            // Perhaps there is a newer connection already.
            pump(&effects)
            return nil
        }

        mutating func removeExpired(now: Duration, _ effects: inout Effects) {
            queue.removeExpired(now: now, drops: &effects.drops)
            if let earliestWaiterExpiry, now >= earliestWaiterExpiry {
                let all = waiters
                self.earliestWaiterExpiry = nil
                waiters = []
                for waiter in all {
                    if waiter.entry.isExpired(at: now) {
                        effects.verdicts.append((waiter.entry.number, .outcome(.dropped(.expired))))
                    } else {
                        append(waiter)
                    }
                }
            }
            admitWaiters(&effects)
        }

        private mutating func append(_ waiter: Waiter) {
            if waiters.isEmpty { earliestWaiterExpiry = nil }
            waiters.append(waiter)
            guard let expiry = waiter.entry.expiry else { return }
            earliestWaiterExpiry = min(earliestWaiterExpiry ?? expiry, expiry)
        }

        private mutating func pump(_ effects: inout Effects) {
            guard isReady, draining == nil, !queue.isEmpty, let destination else { return }
            draining = destination.generation
            effects.drain = destination
        }

        private mutating func admitWaiters(_ effects: inout Effects) {
            while let waiter = waiters.first, queue.hasRoom(for: waiter.entry) {
                waiters.removeFirst()
                queue.insert(waiter.entry)
                effects.verdicts.append((waiter.entry.number, .outcome(.queued)))
            }
        }

        /// Without a connection that drains the queue, the overflow rule decides about senders that waited for that; but not
        /// before the drain has handed back what it holds, which has a place in the queue.
        private mutating func settleWaiters(_ effects: inout Effects) {
            admitWaiters(&effects)
            guard !isReady, draining == nil else { return }
            guard queue.policy.overflow != .suspend else {
                let handlers = waiters.filter(\.isHandlers)
                effects.verdicts += handlers.map { ($0.entry.number, .fullForHandler) }
                waiters.removeAll(where: \.isHandlers)
                return admitWaiters(&effects)
            }
            while let waiter = waiters.popFirst() {
                let verdict: Verdict =
                    switch queue.admit(waiter.entry, drops: &effects.drops) {
                    case .queued: .outcome(.queued)
                    case .dropped(let reason): .outcome(.dropped(reason))
                    case .full, .wait: .full
                    }
                effects.verdicts.append((waiter.entry.number, verdict))
            }
        }
    }
}

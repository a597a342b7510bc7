internal import LibWebSockets
internal import Synchronization

/// The way out of a service's messages: straight to the connection, or through a queue.
///
/// It owns everybody who waits for that. The state machine decides; here, and nowhere else, waiters are completed, each
/// once, under the lock under which it was decided.
final class Outbox: Sendable {
    /// A caller that waits until there is nothing to send.
    struct Flush {
        let isHandlers: Bool
        let flushed: Completion<Void>
    }

    struct State {
        var machine: StateMachine
        /// Senders that wait for room, by the numbers of their messages.
        var senders: [UInt64: Completion<Verdict>] = [:]
        var flushes: [Flush] = []
        /// Sends what is queued over the current connection.
        var drain: Task<Void, Never>?
        /// Drops what waited too long.
        var expiry: (instant: Duration, task: Task<Void, Never>)?
        var isStopped = false
        /// The number of calls that are about to tell of messages that were dropped.
        var reportsUnderWay = 0
        /// Complete when none is.
        var reportWaiters: [Completion<Void>] = []
        /// The value that the gauge was told last; `nil` before the first time.
        var reportedDepth: Int?
        var isReportingDepth = false
    }

    let policy: QueuePolicy
    let environment: ServiceEnvironment
    let requests: Requests
    let dispatcher: Dispatcher
    let state: Lock<State>
    /// The number of messages that are being handed to a connection beside the queue. Counted up under the lock, and down
    /// without.
    let handovers = Atomic<Int>(0)
    let isFlushing = Atomic<Bool>(false)

    init(policy: QueuePolicy, environment: ServiceEnvironment, requests: Requests, dispatcher: Dispatcher) {
        self.policy = policy
        self.environment = environment
        self.requests = requests
        self.dispatcher = dispatcher
        state = Lock(State(machine: StateMachine(policy: policy)))
    }

    var depth: (messages: Int, bytes: Int) {
        state.withLock { ($0.machine.queue.count, $0.machine.queue.byteCount) }
    }
    var isDirect: Bool { state.withLock(\.machine.isDirect) }
    /// The `onOpen` handlers of the current connection run; `nil` without one.
    var isGreeting: Bool? { state.withLock { $0.machine.destination?.isGreeting } }
    var waiterCount: Int { state.withLock(\.machine.waiterCount) }
    var flushCount: Int { state.withLock(\.flushes.count) }

    func nextNumber() -> UInt64 {
        state.withLock { $0.machine.nextNumber() }
    }

    // MARK: The life of the connection

    // Those that take `Afterwards` are called under another lock.

    func connect(_ destination: Destination, _ afterwards: inout Afterwards) {
        change(&afterwards) { state, effects, _ in state.machine.connect(destination, &effects) }
    }

    func endGreeting(_ generation: UInt64) {
        change { $0.machine.endGreeting(generation, &$1) }
    }

    func disconnect(_ generation: UInt64) {
        var afterwards = Afterwards()
        disconnect(generation, &afterwards)
        afterwards.perform()
    }

    func disconnect(_ generation: UInt64, _ afterwards: inout Afterwards) {
        change(&afterwards) { state, effects, afterwards in
            if state.machine.destination?.generation == generation { afterwards.cancel(state.drain) }
            state.machine.disconnect(generation, &effects)
        }
    }

    /// Nothing is sent any more, until ``resume()``.
    func finish(_ afterwards: inout Afterwards) {
        change(&afterwards) { state, effects, afterwards in
            state.machine.finish(&effects)
            afterwards.cancel(state.drain)
            for flush in state.flushes { flush.flushed.succeed(&afterwards) }
            state.flushes = []
        }
    }

    /// Nothing is sent before the service is resumed: nobody waits for that.
    func endFlushes(_ afterwards: inout Afterwards) {
        state.withLock { state in
            for flush in state.flushes { flush.flushed.succeed(&afterwards) }
            state.flushes = []
            isFlushing.store(false, ordering: .sequentiallyConsistent)
        }
    }

    func resume() {
        state.withLock { $0.machine.resume() }
    }

    /// Ends all that waits and takes no more. Queued messages are left for ``takeUnsent()``.
    func stop(_ afterwards: inout Afterwards) {
        finish(&afterwards)
        state.withLock { state in
            state.isStopped = true
            afterwards.cancel(state.expiry?.task)
            state.expiry = nil
        }
    }

    /// Waits until the last connection has handed back what it did not take.
    func waitForDrain() async {
        await state.withLock(\.drain)?.value
    }

    func takeUnsent(reporting: Bool) -> [WebSocketMessage] {
        let now = environment.clock.now
        return change { state, effects in
            let unsent = state.machine.takeUnsent(now: now, &effects)
            guard reporting else { return unsent.map(\.message) }
            effects.drops += unsent.map { SendQueue.Drop(entry: $0, reason: .closed) }
            return []
        }
    }

    /// Waits until there is nothing to send, nobody waits to send, and the `onOpen` handlers have returned.
    ///
    /// - Parameter isHandlers: A handler waits, or the body of a loop. It does not wait for what would come after it.
    /// - Throws: `CancellationError`.
    func flush(isHandlers: Bool) async throws {
        let flushed = Completion<Void>()
        state.change { state, afterwards in
            // Set first: a sender that hands over a message without the lock looks at it last.
            isFlushing.store(true, ordering: .sequentiallyConsistent)
            state.flushes.append(Flush(isHandlers: isHandlers, flushed: flushed))
            completeFlushes(&state, &afterwards)
        }
        try await flushed.value()
    }

    // MARK: Changes

    func change<Result>(_ body: (inout State, inout Effects) -> Result) -> Result {
        var afterwards = Afterwards()
        defer { afterwards.perform() }
        return change(&afterwards) { state, effects, _ in body(&state, &effects) }
    }

    @discardableResult
    private func change<Result>(
        _ afterwards: inout Afterwards, _ body: (inout State, inout Effects, inout Afterwards) -> Result
    ) -> Result {
        let (result, drops) = state.withLock { state in
            var effects = Effects()
            let result = body(&state, &effects, &afterwards)
            for (number, verdict) in effects.verdicts {
                state.senders.removeValue(forKey: number)?.succeed(verdict, &afterwards)
            }
            if let destination = effects.drain {
                state.drain = environment.start(&afterwards) { await self.drain(destination) }
            }
            completeFlushes(&state, &afterwards)
            scheduleExpiry(&state, &afterwards)
            if !effects.drops.isEmpty { state.reportsUnderWay += 1 }
            return (result, effects.drops)
        }
        // The hooks are the app's.
        afterwards.add { self.tell(drops) }
        return result
    }

    func completeFlushes(_ state: inout State, _ afterwards: inout Afterwards) {
        let isDone =
            (state.machine.isQuiet || state.machine.isFinished)
            && handovers.load(ordering: .sequentiallyConsistent) == 0
        // Without a connection there is nobody to greet before the queue follows, unless there are `onOpen` handlers.
        let isBehindHandlers =
            state.machine.destination.map(\.isGreeting)
            ?? (!state.flushes.isEmpty && environment.handlers.read { !$0.open.isEmpty })
        state.flushes.removeAll { flush in
            if isDone || (flush.isHandlers && isBehindHandlers) { flush.flushed.succeed(&afterwards) }
            return flush.flushed.isComplete
        }
        if state.flushes.isEmpty { isFlushing.store(false, ordering: .sequentiallyConsistent) }
    }

    // MARK: Expiry

    /// Sees to it that a message is dropped, and reported, when its time to live has passed.
    private func scheduleExpiry(_ state: inout State, _ afterwards: inout Afterwards) {
        // A service that stops hands out what is left: nothing may wait for that.
        guard !state.isStopped, let instant = state.machine.nextExpiry else {
            afterwards.cancel(state.expiry?.task)
            state.expiry = nil
            return
        }
        if let scheduled = state.expiry, scheduled.instant <= instant { return }
        afterwards.cancel(state.expiry?.task)
        let task = environment.start(&afterwards) {
            do {
                try await self.environment.clock.sleep(until: instant)
            } catch {
                return
            }
            let now = self.environment.clock.now
            self.change { state, effects in
                guard state.expiry?.instant == instant else { return }
                state.expiry = nil
                state.machine.removeExpired(now: now, &effects)
            }
        }
        state.expiry = (instant, task)
    }
}

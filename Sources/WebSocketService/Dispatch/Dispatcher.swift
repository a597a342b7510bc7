internal import Logging
internal import LibWebSockets
internal import Synchronization

/// Calls the app's handlers, one at a time, with what the connections of a service bring.
///
/// Its task lives as long as there is something to show. Nothing that keeps the service going waits for it: readers wait
/// for room only, and the end of a connection is told elsewhere.
final class Dispatcher: Sendable {
    struct Greeting {
        let generation: UInt64
        let task: Task<(any Error)?, Never>
        /// The handler ended the connection itself, and need not be told.
        var endsConnection = false
    }

    /// What calls handlers until there is nothing to show.
    struct Run {
        let number: UInt64
        /// `nil` until it has begun, which it does when no lock is held: where an executor runs jobs in the call that
        /// enqueues them, until the first handler suspends.
        var task: Task<Void, Never>?
        /// It takes nothing more.
        var isCancelled = false
    }

    struct State {
        var inbox: Inbox
        /// The run through what there is to show; `nil` while there is nothing.
        var run: Run?
        var lastRun: UInt64 = 0
        /// The `onOpen` handlers that run.
        var greeting: Greeting?
        /// Connections that ended before their `onOpen` handlers were done.
        var lastEnded: UInt64 = 0
        /// Readers that wait for room.
        var roomWaiters: [UInt64: Completion<Void>] = [:]
        var readersAtWork: Set<UInt64> = []
        /// Complete when the reader of a connection has come to its end, or to the limit.
        var readWaiters: [UInt64: [Completion<Void>]] = [:]
        var handlerWaits: [ObjectIdentifier: Completion<Void>] = [:]
        var idleWaiters: [Completion<Void>] = []
    }

    let environment: ServiceEnvironment
    let state: Lock<State>
    private let stopped = Atomic<Bool>(false)
    /// The number of the call of handlers that is under way; 0 when none is.
    let currentCall = Atomic<UInt64>(0)
    let lastCall = Atomic<UInt64>(0)
    /// The number of messages of the batch that was taken with which no handler has been called.
    let unseenInBatch = Atomic<Int>(0)

    init(environment: ServiceEnvironment) {
        self.environment = environment
        let options = environment.options
        state = Lock(
            State(
                inbox: Inbox(
                    limits: Inbox.Limits(
                        messages: max(options.inboxLimit, 1), bytes: max(options.inboxByteLimit, 1)))))
    }

    /// No message reaches a handler any more. Looked at before each message, hence without the lock.
    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    /// The number of messages that no handler will see. The rest of a batch whose handler does not return when it is
    /// cancelled is counted in no other way.
    var unseenCount: Int {
        state.withLock { $0.inbox.unseenCount + (isStopped ? unseenInBatch.load(ordering: .acquiring) : 0) }
    }

    /// The number of readers that wait for room.
    var roomWaiterCount: Int { state.withLock(\.roomWaiters.count) }

    /// The caller, in the current task.
    var caller: Caller {
        guard let context = HandlerContext.current, isUnderWay(context) else { return .outside }
        return context.caller
    }

    /// The current task is the one that calls a handler now. Tasks that a handler started are not.
    var isHandlerTask: Bool {
        guard let context = HandlerContext.current, isUnderWay(context), let task = context.task else { return false }
        return CurrentTask() == task
    }

    private func isUnderWay(_ context: HandlerContext) -> Bool {
        context.dispatcher === self && currentCall.load(ordering: .acquiring) == context.call
    }

    /// The dispatcher of another service whose handler calls this one, in its own task or in one that it has started.
    var callersOwn: Dispatcher? {
        guard let context = HandlerContext.current, let own = context.dispatcher, own !== self, own.isUnderWay(context)
        else { return nil }
        return own
    }

    // MARK: Items from the life of a service

    // Those that take `Afterwards` are called under another lock.

    func begin(_ generation: UInt64, _ opened: Inbox.Item?, _ afterwards: inout Afterwards) {
        state.withLock { state in
            afterwards.release(state.inbox.begin(generation, opened))
            state.readersAtWork.insert(generation)
            // One of a connection that was forgotten for this one need not wait.
            wakeRoomWaiters(&state, &afterwards)
            startTaking(&state, &afterwards)
        }
    }

    /// Puts something behind all that the handlers have yet to see.
    func append(_ notice: Inbox.Item, _ afterwards: inout Afterwards) {
        state.withLock { state in
            if let removed = state.inbox.append(notice) { afterwards.release(removed) }
            startTaking(&state, &afterwards)
        }
    }

    /// The connection has ended: its `onOpen` handlers are cancelled, `onClose` follows its last message.
    func end(_ generation: UInt64, with notices: [Inbox.Item], _ afterwards: inout Afterwards) {
        state.withLock { state in
            cancelGreeting(generation, &state, &afterwards)
            state.inbox.end(generation, with: notices)
            startTaking(&state, &afterwards)
        }
    }

    /// Cancels `onOpen` handlers whose connection is about to end.
    ///
    /// - Parameter byItself: A handler ends it. Then no other one runs, and it is not cancelled: it goes on after its call
    ///   as after any other.
    func cancelGreeting(_ generation: UInt64, byItself: Bool, _ afterwards: inout Afterwards) {
        state.withLock { state in
            if byItself { state.greeting?.endsConnection = true }
            cancelGreeting(generation, &state, &afterwards)
        }
    }

    private func cancelGreeting(_ generation: UInt64, _ state: inout State, _ afterwards: inout Afterwards) {
        state.lastEnded = max(state.lastEnded, generation)
        guard let greeting = state.greeting, greeting.generation <= generation, !greeting.endsConnection else { return }
        afterwards.cancel(greeting.task)
    }

    /// Tells of an error of the app's own code.
    func report(_ error: SocketServiceError) {
        environment.broadcaster.send(.error(error))
        environment.logger.warning("\(error)", metadata: error.route.map { [LoggingKeys.route: "\($0)"] })
        var afterwards = Afterwards()
        append(.failed(error), &afterwards)
        afterwards.perform()
    }

    // MARK: Ending

    /// From now on no message reaches a handler.
    func stop(_ afterwards: inout Afterwards) {
        stopped.store(true, ordering: .releasing)
        state.withLock { state in
            state.inbox.stop()
            wakeRoomWaiters(&state, &afterwards)
        }
    }

    /// Cancels the handler that runs. `onClose` still has a task that is not cancelled.
    func cancelHandler(_ afterwards: inout Afterwards) {
        state.withLock { state in
            state.run?.isCancelled = true
            afterwards.cancel(state.run?.task)
        }
    }

    /// Waits until everything was handled, and no reader has anything more.
    func waitUntilIdle() async throws {
        let idle = Completion<Void>()
        state.change { state, afterwards in
            state.idleWaiters.append(idle)
            completeIdleWaiters(&state, &afterwards)
        }
        try await idle.value()
    }

    func completeIdleWaiters(_ state: inout State, _ afterwards: inout Afterwards) {
        guard state.run == nil, state.inbox.isIdle else { return }
        for waiter in state.idleWaiters { waiter.succeed(&afterwards) }
        state.idleWaiters = []
    }
}

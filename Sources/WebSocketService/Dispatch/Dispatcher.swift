internal import Logging
internal import Synchronization

/// Calls the app's handlers, one at a time, with what the connections of a service bring.
///
/// Its task lives as long as there is something to show. Nothing that keeps the service going waits for it: readers wait
/// for room only, and the end of a connection is told elsewhere.
final class Dispatcher: Sendable {
    private struct Greeting {
        let generation: UInt64
        let task: Task<(any Error)?, Never>
        /// Whether it ended the connection itself, and need not be told.
        var endsConnection = false
    }

    private struct State {
        var inbox: Inbox
        /// The task that calls handlers; `nil` while there is nothing to show.
        var task: Task<Void, Never>?
        /// The `onOpen` handlers that run.
        var greeting: Greeting?
        /// Connections that ended before their `onOpen` handlers were done.
        var lastEnded: UInt64 = 0
        /// Readers that wait for room.
        var readers: [UInt64: Completion<Void>] = [:]
        var readersAtWork: Set<UInt64> = []
        /// Complete when the reader of a connection has come to its end, or to the limit.
        var readWaiters: [UInt64: [Completion<Void>]] = [:]
        var handlerWaits: [ObjectIdentifier: Completion<Void>] = [:]
        var idleWaiters: [Completion<Void>] = []
    }

    let environment: ServiceEnvironment
    private let state: Mutex<State>
    private let stopped = Atomic<Bool>(false)
    /// The number of the call of handlers that is under way; 0 when none is.
    private let currentCall = Atomic<UInt64>(0)
    private let lastCall = Atomic<UInt64>(0)

    init(environment: ServiceEnvironment) {
        self.environment = environment
        let options = environment.options
        state = Mutex(
            State(
                inbox: Inbox(
                    limits: Inbox.Limits(
                        messages: max(options.inboxLimit, 1), bytes: max(options.inboxByteLimit, 1)))))
    }

    /// Whether no message reaches a handler any more. Looked at before each message, hence without the lock.
    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    var undeliveredCount: Int { state.withLock(\.inbox.undeliveredCount) }

    /// How many readers wait for room.
    var waitingReaderCount: Int { state.withLock(\.readers.count) }

    /// Who calls, in the current task.
    var caller: Caller {
        guard let context = HandlerContext.current, isUnderWay(context) else { return .outside }
        return context.caller
    }

    /// Whether the current task is the one that calls a handler now. Tasks that a handler started are not.
    var isHandlerTask: Bool {
        guard let context = HandlerContext.current, isUnderWay(context), let task = context.task else { return false }
        return CurrentTask() == task
    }

    private func isUnderWay(_ context: HandlerContext) -> Bool {
        context.dispatcher == ObjectIdentifier(self) && currentCall.load(ordering: .acquiring) == context.call
    }

    // MARK: What the life of a service puts in

    func begin(_ generation: UInt64, _ opened: Inbox.Item?) {
        state.withLock { state in
            state.inbox.begin(generation, opened)
            state.readersAtWork.insert(generation)
            // One of a connection that was forgotten for this one need not wait.
            wakeReaders(&state)
            startTaking(&state)
        }
    }

    /// Puts something behind all that the handlers have yet to see.
    func append(_ notice: Inbox.Item) {
        state.withLock { state in
            state.inbox.append(notice)
            startTaking(&state)
        }
    }

    /// The connection has ended: its `onOpen` handlers are cancelled, `onClose` follows its last message.
    func end(_ generation: UInt64, with notices: [Inbox.Item]) {
        state.withLock { state in
            cancelGreeting(generation, &state)
            state.inbox.end(generation, with: notices)
            startTaking(&state)
        }
    }

    /// Cancels `onOpen` handlers whose connection is about to end.
    ///
    /// - Parameter byItself: Whether it is a handler that ends it. Then no other one runs, and it is not cancelled: it goes on
    ///   after its call as after any other.
    func cancelGreeting(_ generation: UInt64, byItself: Bool) {
        state.withLock { state in
            if byItself { state.greeting?.endsConnection = true }
            cancelGreeting(generation, &state)
        }
    }

    private func cancelGreeting(_ generation: UInt64, _ state: inout State) {
        state.lastEnded = max(state.lastEnded, generation)
        guard let greeting = state.greeting, greeting.generation <= generation, !greeting.endsConnection else { return }
        greeting.task.cancel()
    }

    /// Tells of an error of the app's own code.
    func report(_ error: SocketServiceError) {
        environment.broadcaster.send(.error(error))
        environment.logger.warning("\(error)", metadata: error.route.map { [LoggingKeys.route: "\($0)"] })
        append(.failed(error))
    }

    // MARK: What the reader of a connection does

    /// Whether the connection may be read on: if not, what completes when it may.
    func room(for generation: UInt64) -> Completion<Void>? {
        state.withLock { state in
            if state.inbox.mayRead(generation) { return nil }
            let room = Completion<Void>()
            state.readers[generation] = room
            for waiter in state.readWaiters.removeValue(forKey: generation) ?? [] { waiter.succeed() }
            failHandlerWaits(&state)
            return room
        }
    }

    func append(_ messages: [WebSocketMessage], from generation: UInt64) {
        state.withLock { state in
            state.inbox.append(messages, from: generation)
            startTaking(&state)
        }
    }

    func endReading(_ generation: UInt64) {
        state.withLock { state in
            state.inbox.endReading(generation)
            state.readersAtWork.remove(generation)
            for waiter in state.readWaiters.removeValue(forKey: generation) ?? [] { waiter.succeed() }
            completeIdleWaiters(&state)
            startTaking(&state)
        }
    }

    /// Waits until all that the connection brought before its end was read, as far as there is room.
    func waitUntilRead(_ generation: UInt64) async {
        let read = Completion<Void>()
        state.withLock { state in
            if state.readersAtWork.contains(generation), state.readers[generation] == nil {
                state.readWaiters[generation, default: []].append(read)
            } else {
                read.succeed()
            }
        }
        do {
            try await read.value()
        } catch {
            // Left behind: whoever did that sees to the end of the connection.
        }
    }

    // MARK: Handlers that wait

    /// Runs a call of a handler's that waits for the peer. Meanwhile reading goes on beyond the limit on messages.
    ///
    /// - Parameter body: Gets what completes when reading has come to the limit on bytes, so that only the handler's return
    ///   could make it go on.
    func whileHandlerWaits<Result>(_ body: (Completion<Void>) async throws -> Result) async rethrows -> Result {
        let full = Completion<Void>()
        state.withLock { state in
            state.inbox.beginHandlerWait()
            state.handlerWaits[ObjectIdentifier(full)] = full
            wakeReaders(&state)
            if !state.readers.isEmpty { failHandlerWaits(&state) }
        }
        defer {
            state.withLock { state in
                state.inbox.endHandlerWait()
                state.handlerWaits[ObjectIdentifier(full)] = nil
            }
        }
        return try await body(full)
    }

    private func failHandlerWaits(_ state: inout State) {
        guard !state.inbox.hasRoomInBytes else { return }
        for wait in state.handlerWaits.values { wait.succeed() }
    }

    // MARK: Ending

    /// From now on no message reaches a handler.
    func stop() {
        stopped.store(true, ordering: .releasing)
        state.withLock { state in
            state.inbox.stop()
            wakeReaders(&state)
        }
    }

    /// Cancels the handler that runs. `onClose` still has a task that is not cancelled.
    func cancelHandler() {
        state.withLock { $0.task?.cancel() }
    }

    /// Waits until everything was handled, and no reader has anything more.
    func waitUntilIdle() async throws {
        let idle = Completion<Void>()
        state.withLock { state in
            if state.task == nil, state.inbox.isIdle { idle.succeed() } else { state.idleWaiters.append(idle) }
        }
        try await idle.value()
    }

    private func completeIdleWaiters(_ state: inout State) {
        guard state.task == nil, state.inbox.isIdle else { return }
        for waiter in state.idleWaiters { waiter.succeed() }
        state.idleWaiters = []
    }

    private func wakeReaders(_ state: inout State) {
        for (generation, reader) in state.readers where state.inbox.mayRead(generation) {
            state.readers[generation] = nil
            reader.succeed()
        }
    }

    // MARK: Taking

    private func startTaking(_ state: inout State) {
        guard state.task == nil, state.inbox.hasNext else { return }
        state.task = environment.start { await self.dispatch() }
    }

    private func next() -> Inbox.Item? {
        state.withLock { state in
            let item = Task.isCancelled ? nil : state.inbox.next()
            wakeReaders(&state)
            if item == nil {
                state.task = nil
                // Stopping cancels the handler that runs, and with it this task.
                startTaking(&state)
                completeIdleWaiters(&state)
            }
            return item
        }
    }

    private func dispatch() async {
        var (table, version) = environment.handlers.snapshot()
        while let item = next() {
            if version != environment.handlers.version { (table, version) = environment.handlers.snapshot() }
            if case .opened(let context, let greeting) = item {
                if !isStopped { await greet(context, greeting, table.open) }
                continue
            }
            await handle(item, &table, &version)
        }
    }

    /// Runs one handler. What it starts and leaves behind is no handler's any more when it has returned.
    func inCall<Result>(_ handler: () async throws -> Result) async rethrows -> Result {
        let context = HandlerContext(
            dispatcher: ObjectIdentifier(self), call: beginCall(), caller: .handler, task: CurrentTask())
        defer { endCall() }
        return try await HandlerContext.$current.withValue(context) { try await handler() }
    }

    private func beginCall() -> UInt64 {
        let call = lastCall.add(1, ordering: .relaxed).newValue
        currentCall.store(call, ordering: .releasing)
        return call
    }

    private func endCall() {
        currentCall.store(0, ordering: .releasing)
    }

    private func handle(_ item: Inbox.Item, _ table: inout HandlerTable, _ version: inout UInt64) async {
        switch item {
        case .messages(let messages):
            for (index, message) in messages.enumerated() {
                if version != environment.handlers.version { (table, version) = environment.handlers.snapshot() }
                // Looked at last: the handlers are released only after the stop.
                if isStopped {
                    state.withLock { $0.inbox.leaveUndelivered(messages.count - index) }
                    break
                }
                await handle(message, table)
            }
        case .closed(let end):
            for hook in table.close { await call(hook, end) }
        case .failed(let error):
            for hook in table.error { await call(hook, error) }
        case .opened:
            break
        }
    }

    // MARK: onOpen

    private func greet(
        _ context: OpenContext, _ greeting: Inbox.Greeting, _ hooks: [Callback<OpenContext>]
    ) async {
        let call = beginCall()
        let task = environment.start { await self.callAll(hooks, context, greeting.generation, call) }
        state.withLock { state in
            state.greeting = Greeting(generation: greeting.generation, task: task)
            // They are told of a connection that is over already too, as `onClose` will be.
            if state.lastEnded >= greeting.generation { task.cancel() }
        }
        let failure = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        state.withLock { $0.greeting = nil }
        endCall()
        greeting.finished(failure)
    }

    /// - Returns: What one of them threw; no further one is called then.
    private func callAll(
        _ hooks: [Callback<OpenContext>], _ context: OpenContext, _ generation: UInt64, _ call: UInt64
    ) async -> (any Error)? {
        let handlerContext = HandlerContext(
            dispatcher: ObjectIdentifier(self), call: call, caller: .onOpen(generation: generation),
            task: CurrentTask())
        return await HandlerContext.$current.withValue(handlerContext) {
            do {
                for hook in hooks where !isStopped { try await hook(context) }
                return nil
            } catch {
                return error
            }
        }
    }
}

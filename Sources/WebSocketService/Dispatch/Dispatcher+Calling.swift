internal import LibWebSockets
internal import Synchronization

/// The task that takes what waits and calls handlers with it.
extension Dispatcher {
    func startTaking(_ state: inout State, _ afterwards: inout Afterwards) {
        guard state.run == nil, state.inbox.hasNext else { return }
        state.lastRun += 1
        let number = state.lastRun
        state.run = Run(number: number)
        // A task that began under the lock would wait for it, on the thread that was woken for it.
        afterwards.add { self.begin(run: number) }
    }

    private func begin(run number: UInt64) {
        let task = environment.start { await self.dispatch() }
        state.change { state, afterwards in
            // It may be over already.
            guard state.run?.number == number else { return }
            state.run?.task = task
            if state.run?.isCancelled == true { afterwards.cancel(task) }
        }
    }

    private func next() -> Inbox.Item? {
        state.change { state, afterwards in
            state.inbox.finishTaken()
            // Some are left only when the service was stopped meanwhile.
            state.inbox.leaveUnseen(unseenInBatch.exchange(0, ordering: .acquiringAndReleasing))
            // Stopping cancels the handler that runs, and with it this task; another task takes the items that are left.
            let item = state.run?.isCancelled == true ? nil : state.inbox.next()
            wakeRoomWaiters(&state, &afterwards)
            if item == nil {
                state.run = nil
                startTaking(&state, &afterwards)
                completeIdleWaiters(&state, &afterwards)
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
            } else {
                await handle(item, &table, &version)
            }
        }
    }

    private func handle(_ item: Inbox.Item, _ table: inout HandlerTable, _ version: inout UInt64) async {
        switch item {
        case .messages(let messages):
            unseenInBatch.store(messages.count, ordering: .releasing)
            for (index, message) in messages.enumerated() {
                if version != environment.handlers.version { (table, version) = environment.handlers.snapshot() }
                // Looked at last: the handlers are released only after the stop.
                if isStopped { break }
                unseenInBatch.store(messages.count - index - 1, ordering: .releasing)
                await handle(message, table)
            }
        case .closed(let end):
            for hook in table.close { await call(hook, end) }
        case .failed(let error):
            for hook in table.error where !isStopped { await call(hook, error) }
        case .opened:
            break
        }
    }

    // MARK: Calls

    /// Runs one handler. Tasks that it starts and leaves behind are no handler's any more when it has returned.
    func inCall<Result>(_ handler: () async throws -> Result) async rethrows -> Result {
        let context = HandlerContext(
            dispatcher: self, call: beginCall(), caller: .handler, task: CurrentTask())
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

    // MARK: onOpen

    private func greet(
        _ context: OpenContext, _ greeting: Inbox.Greeting, _ hooks: [Callback<OpenContext>]
    ) async {
        let call = beginCall()
        // Under the lock: a handler that ends its connection at once finds the greeting.
        let task = state.change { state, afterwards in
            let task = environment.start(&afterwards) {
                await self.callAll(hooks, context, greeting.generation, call)
            }
            state.greeting = Greeting(generation: greeting.generation, task: task)
            // They are told of a connection that is over already too, as `onClose` will be.
            if state.lastEnded >= greeting.generation { afterwards.cancel(task) }
            return task
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

    /// - Returns: The error that one of them threw; no further one is called then.
    private func callAll(
        _ hooks: [Callback<OpenContext>], _ context: OpenContext, _ generation: UInt64, _ call: UInt64
    ) async -> (any Error)? {
        let handlerContext = HandlerContext(
            dispatcher: self, call: call, caller: .onOpen(generation: generation),
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

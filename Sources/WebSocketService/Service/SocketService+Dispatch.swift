internal import Logging
internal import Synchronization

/// A message that does not decode as the type a handler asks for.
struct UndecodableMessage: Error {
    let type: any Any.Type
    let underlying: any Error
}

extension SocketService {
    /// Puts something behind all that the handlers have yet to see.
    func deliver(_ item: Inbox.Item) {
        if inbox.append(item) { startDispatching() }
    }

    /// The same, in one step with a change of the service: what handlers see is in the order of those changes.
    func deliver(_ item: Inbox.Item, _ core: inout Core) {
        if inbox.append(item) { startDispatching(&core) }
    }

    /// Tells of an error of the app's own code.
    func report(_ error: SocketServiceError) {
        broadcaster.send(.error(error))
        logger.warning("\(error)", metadata: error.route.map { [LoggingKeys.route: "\($0)"] })
        deliver(.failed(error))
    }

    private func startDispatching() {
        core.withLock { startDispatching(&$0) }
    }

    private func startDispatching(_ core: inout Core) {
        core.dispatchTask = Task { await dispatch() }
    }

    private func dispatch() async {
        let context = HandlerContext(service: ObjectIdentifier(self), openGeneration: nil)
        let isFinished = await Self.$handlerContext.withValue(context) { await takeFromInbox() }
        // Stopping cancels the handler that runs, and with it this task; `onClose` still has a task that is not.
        if !isFinished { startDispatching() }
    }

    /// - Returns: Whether the inbox is empty. If not, this task was cancelled.
    private func takeFromInbox() async -> Bool {
        var (table, version) = handlers.snapshot()
        while !Task.isCancelled {
            guard let item = inbox.next() else { return true }
            if version != handlers.version { (table, version) = handlers.snapshot() }
            switch item {
            case .messages(let messages):
                for (index, message) in messages.enumerated() {
                    if version != handlers.version { (table, version) = handlers.snapshot() }
                    // Looked at last: the handlers are released only after the stop.
                    if inbox.isStopped {
                        inbox.leaveUndelivered(messages.count - index)
                        break
                    }
                    await handle(message, table)
                }
            case .opened(let context, let generation):
                if !inbox.isStopped { await greet(context, generation, table.open) }
            case .closed(let end):
                for hook in table.close { await call(hook, end) }
            case .failed(let error):
                for hook in table.error { await call(hook, error) }
            }
        }
        return false
    }

    private func greet(_ context: OpenContext, _ generation: UInt64, _ hooks: [Callback<OpenContext>]) async {
        let handlerContext = HandlerContext(service: ObjectIdentifier(self), openGeneration: generation)
        await Self.$handlerContext.withValue(handlerContext) {
            for hook in hooks { await call(hook, context) }
        }
        greetingFinished(generation)
    }

    private func handle(_ message: WebSocketMessage, _ table: HandlerTable) async {
        for hook in table.message { await call(hook, message) }
        let route = options.router.route(of: message)
        let callbacks = route.map { table.registry.callbacks(for: $0) } ?? []
        if callbacks.isEmpty { await unhandled(message, route, table) }
        for callback in callbacks {
            do {
                try await callback(message)
            } catch let failure as UndecodableMessage {
                await undecodable(message, route, failure, table)
            } catch {
                await handlerFailed(route, error)
            }
        }
    }

    private func unhandled(_ message: WebSocketMessage, _ route: String?, _ table: HandlerTable) async {
        meters.unhandled()
        logger.debug("unhandled message", metadata: [LoggingKeys.route: "\(route ?? "none")"])
        broadcaster.send(.unhandled(message, route: route))
        let unhandled = HandlerTable.Unhandled(message: message, route: route)
        for hook in table.unhandled { await call(hook, unhandled) }
    }

    private func undecodable(
        _ message: WebSocketMessage, _ route: String?, _ failure: UndecodableMessage, _ table: HandlerTable
    ) async {
        meters.decodingFailed()
        let error = SocketServiceError.decodingFailed(route, failure.type, failure.underlying)
        logger.warning("\(error)", metadata: route.map { [LoggingKeys.route: "\($0)"] })
        broadcaster.send(.error(error))
        let undecodable = HandlerTable.Undecodable(message: message, error: error)
        for hook in table.decodeFailure { await call(hook, undecodable) }
    }

    private func call<Input>(_ callback: Callback<Input>, _ input: Input) async {
        do {
            try await callback(input)
        } catch {
            await handlerFailed(nil, error)
        }
    }

    private func handlerFailed(_ route: String?, _ error: any Error) async {
        // A handler that ends because the service was stopped has not failed.
        if inbox.isStopped, error is CancellationError { return }
        meters.handlerFailed()
        let failure = SocketServiceError.handlerFailed(route, error)
        logger.warning("\(failure)", metadata: route.map { [LoggingKeys.route: "\($0)"] })
        broadcaster.send(.error(failure))
        // At once, before the next message. An error hook does not throw, so that this ends here.
        for hook in handlers.read({ $0.error }) { try? await hook(failure) }
    }
}

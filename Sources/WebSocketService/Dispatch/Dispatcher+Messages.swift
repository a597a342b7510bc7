internal import Logging

extension Dispatcher {
    func handle(_ message: WebSocketMessage, _ table: HandlerTable) async {
        // A handler may stop the service. No other one is called then.
        for hook in table.message where !isStopped { await call(hook, message) }
        let isTaken = await offer(message, to: table.loops)
        let route = environment.options.router.route(of: message)
        let callbacks = route.map { table.registry.callbacks(for: $0) } ?? []
        if callbacks.isEmpty, !isTaken, !isStopped { await unhandled(message, route, table) }
        for callback in callbacks where !isStopped {
            do {
                try await inCall { try await callback(message) }
            } catch let failure as UndecodableMessage {
                await undecodable(message, route, failure, table)
            } catch {
                await handlerFailed(route, error)
            }
        }
    }

    /// - Returns: `true` when one of the loops over all messages has taken the message.
    private func offer(_ message: WebSocketMessage, to loops: [MessageHandoff]) async -> Bool {
        var isTaken = false
        for loop in loops where !isStopped {
            do {
                if try await loop.offer(message) { isTaken = true }
            } catch {
                await handlerFailed(nil, error)
            }
        }
        return isTaken
    }

    private func unhandled(_ message: WebSocketMessage, _ route: String?, _ table: HandlerTable) async {
        environment.meters.unhandled()
        environment.logger.debug("unhandled message", metadata: [LoggingKeys.route: "\(route ?? "none")"])
        environment.unhandledWarnings.note(message, route, table)
        environment.broadcaster.send(.unhandled(message, route: route))
        let unhandled = HandlerTable.Unhandled(message: message, route: route)
        for hook in table.unhandled where !isStopped { await call(hook, unhandled) }
    }

    private func undecodable(
        _ message: WebSocketMessage, _ route: String?, _ failure: UndecodableMessage, _ table: HandlerTable
    ) async {
        environment.meters.decodingFailed()
        let error = SocketServiceError.decodingFailed(route, failure.type, failure.underlying)
        environment.logger.warning("\(error)", metadata: route.map { [LoggingKeys.route: "\($0)"] })
        environment.broadcaster.send(.error(error))
        let undecodable = HandlerTable.Undecodable(message: message, error: error)
        for hook in table.decodeFailure where !isStopped { await call(hook, undecodable) }
    }

    func call<Input>(_ callback: Callback<Input>, _ input: Input) async {
        do {
            try await inCall { try await callback(input) }
        } catch {
            await handlerFailed(nil, error)
        }
    }

    private func handlerFailed(_ route: String?, _ error: any Error) async {
        // A handler that ends because the service was stopped has not failed.
        if isStopped, error is CancellationError { return }
        environment.meters.handlerFailed()
        let failure = SocketServiceError.handlerFailed(route, error)
        environment.logger.warning("\(failure)", metadata: route.map { [LoggingKeys.route: "\($0)"] })
        environment.broadcaster.send(.error(failure))
        // At once, before the next message. An error hook does not throw, so that this ends here.
        for hook in environment.handlers.read({ $0.error }) where !isStopped {
            await inCall { try? await hook(failure) }
        }
    }
}

#if ServiceLifecycleSupport
    public import ServiceLifecycle
#endif

extension SocketService {
    /// Runs the service until it is stopped, gives up, or the task is cancelled or told to shut down.
    ///
    /// In a `ServiceGroup`, a graceful shutdown is ``shutDown(within:code:reason:)`` with the close code 1001 "going
    /// away". Cancelling the task stops the service at once. Queued messages that could not be sent are reported as
    /// dropped, with ``DropReason/closed``.
    ///
    /// - Throws: The errors of ``start(waitingForOpen:)``; ``SocketServiceError`` with the code
    ///   ``SocketServiceError/Code/gaveUp``.
    public func run() async throws {
        let ended = Completion<Void>()
        life.addEndWaiter(ended)
        do {
            try await start()
        } catch {
            life.removeEndWaiter(ended)
            throw error
        }
        do {
            try await withGracefulShutdown { try await ended.value() }
        } catch is CancellationError {
            await life.stop(code: .goingAway, reason: "", reportsUnsent: true)
        }
    }

    private func withGracefulShutdown(_ operation: () async throws -> Void) async throws {
        #if ServiceLifecycleSupport
            try await withGracefulShutdownHandler(operation: operation) {
                self.environment.start { await self.shutDown(code: .goingAway, reportsUnsent: true) }
            }
        #else
            try await operation()
        #endif
    }

    /// Stops the service after sending what is queued.
    ///
    /// Without a connection it waits for one, as long as there is something to send. Calls of `send` that wait for room, in
    /// the queue or in the connection, are given the same time. A handler that calls it does not wait for messages that
    /// could be sent only after it has returned.
    ///
    /// - Parameters:
    ///   - limit: The time limit for sending. The default is ``Options/shutdownTimeout``.
    ///   - code: The close frame's code.
    ///   - reason: The close frame's reason, for people.
    /// - Returns: The messages that could not be sent in time.
    @discardableResult
    public func shutDown(
        within limit: Duration? = nil, code: CloseCode = .normalClosure, reason: String = ""
    ) async -> [WebSocketMessage] {
        await shutDown(within: limit, code: code, reason: reason, reportsUnsent: false)
    }

    @discardableResult
    fileprivate func shutDown(
        within limit: Duration? = nil, code: CloseCode, reason: String = "", reportsUnsent: Bool
    ) async -> [WebSocketMessage] {
        let deadline = environment.clock.deadline(after: limit ?? environment.options.shutdownTimeout)
        if dispatcher.caller == .outside, !handlers.isInLoop {
            await life.flush(until: deadline)
        } else {
            await dispatcher.whileHandlerWaits { full in await life.flush(until: deadline, orUntil: full) }
        }
        return await life.stop(code: code, reason: reason, reportsUnsent: reportsUnsent)
    }
}

#if ServiceLifecycleSupport
    extension SocketService: Service {}
#endif

/// Runs a service for the time of a closure.
///
/// The service is started before and has ended after it: when the closure returns, with
/// ``SocketService/shutDown(within:code:reason:)``, which sends what is queued; when it throws, with
/// ``SocketService/stop(code:reason:)``. Queued messages that could not be sent are reported as dropped, with
/// ``DropReason/closed``.
///
/// - Throws: The error of ``SocketService/start(waitingForOpen:)`` or of the closure.
public func withSocketService<Result>(
    _ service: SocketService, waitingForOpen: Bool = false, _ body: (SocketService) async throws -> Result
) async throws -> Result {
    do {
        try await service.start(waitingForOpen: waitingForOpen)
        let result = try await body(service)
        await service.shutDown(code: .normalClosure, reportsUnsent: true)
        return result
    } catch {
        await service.life.stop(code: .normalClosure, reason: "", reportsUnsent: true)
        throw error
    }
}

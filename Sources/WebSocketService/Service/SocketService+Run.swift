internal import Synchronization

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
    /// - Throws: What ``start(waitingForOpen:)`` throws; ``SocketServiceError`` with the code
    ///   ``SocketServiceError/Code/gaveUp``.
    public func run() async throws {
        let ended = Completion<Void>()
        core.withLock { core in
            if core.machine.isStopped { ended.fail(SocketServiceError.stopped) } else { core.endWaiters.append(ended) }
        }
        do {
            try await start()
        } catch {
            core.withLock { $0.endWaiters.removeAll { $0 === ended } }
            throw error
        }
        do {
            try await withGracefulShutdown { try await ended.value() }
        } catch is CancellationError {
            await stop(code: .goingAway, reason: "", reportsLeftovers: true)
        }
    }

    private func withGracefulShutdown(_ operation: () async throws -> Void) async throws {
        #if ServiceLifecycleSupport
            try await withGracefulShutdownHandler(operation: operation) {
                Task { await self.shutDown(code: .goingAway, reportsLeftovers: true) }
            }
        #else
            try await operation()
        #endif
    }

    /// Stops the service after sending what is queued.
    ///
    /// Without a connection it waits for one, as long as there is something to send.
    ///
    /// - Parameters:
    ///   - limit: How long sending may take. The default is ``Options/shutdownTimeout``.
    ///   - code: The close frame's code.
    ///   - reason: The close frame's reason, for people.
    /// - Returns: The messages that could not be sent in time.
    @discardableResult
    public func shutDown(
        within limit: Duration? = nil, code: CloseCode = .normalClosure, reason: String = ""
    ) async -> [WebSocketMessage] {
        await shutDown(within: limit, code: code, reason: reason, reportsLeftovers: false)
    }

    @discardableResult
    fileprivate func shutDown(
        within limit: Duration? = nil, code: CloseCode, reason: String = "", reportsLeftovers: Bool
    ) async -> [WebSocketMessage] {
        await flush(until: clock.now + (limit ?? options.shutdownTimeout))
        return await stop(code: code, reason: reason, reportsLeftovers: reportsLeftovers)
    }

    private func flush(until deadline: Duration) async {
        let flushed = Completion<Void>()
        core.withLock { core in
            let isSending = core.link.map { $0.phase != .direct } ?? false
            if core.machine.isFinished || core.machine.state == .idle || (core.queue.isEmpty && !isSending) {
                flushed.succeed()
            } else {
                core.flushWaiters.append(flushed)
            }
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [clock] in
                do {
                    try await clock.sleep(until: deadline)
                    flushed.succeed()
                } catch {
                    // Cancelled: everything was sent.
                }
            }
            do {
                try await flushed.value()
            } catch {
                // The task that shuts the service down was cancelled: stop at once.
            }
            group.cancelAll()
        }
    }
}

#if ServiceLifecycleSupport
    extension SocketService: Service {}
#endif

/// Runs a service for the time of a closure.
///
/// The service is started before and has ended after it: when the closure returns, with ``SocketService/shutDown(within:code:reason:)``,
/// which sends what is queued; when it throws, with ``SocketService/stop(code:reason:)``. Queued messages that could not be
/// sent are reported as dropped, with ``DropReason/closed``.
///
/// - Throws: What ``SocketService/start(waitingForOpen:)`` or the closure throws.
public func withSocketService<Result>(
    _ service: SocketService, waitingForOpen: Bool = false, _ body: (SocketService) async throws -> Result
) async throws -> Result {
    do {
        try await service.start(waitingForOpen: waitingForOpen)
        let result = try await body(service)
        await service.shutDown(code: .normalClosure, reportsLeftovers: true)
        return result
    } catch {
        await service.stop(code: .normalClosure, reason: "", reportsLeftovers: true)
        throw error
    }
}

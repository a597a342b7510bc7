internal import DequeModule
internal import Logging
internal import Synchronization

extension SocketService {
    /// Makes attempts and serves their connections until the service gives up or this task is left behind.
    func run(_ first: StateMachine.Attempt) async {
        var next: StateMachine.Attempt? = first
        while let attempt = next {
            guard let failure = await connectAndServe(attempt) else { return }
            next = await wait(after: failure, of: attempt)
        }
    }

    /// - Returns: How it ended; `nil` when the attempt was left behind.
    private func connectAndServe(_ attempt: StateMachine.Attempt) async -> ConnectionFailure? {
        meters.attempted()
        let request: ConnectRequest
        let connection: any SocketConnection
        do {
            request = try await source.request(for: attempt)
            guard isCurrent(attempt) else { return nil }
            logger.debug(
                "connecting",
                metadata: [
                    LoggingKeys.url: "\(request.loggableURL)", LoggingKeys.attempt: "\(attempt.number)",
                ])
            broadcaster.send(.connecting(attempt: attempt.number, url: request.url))
            try transport.validate(request)
            connection = try await transport.connect(to: request)
        } catch {
            return .connectFailed(error)
        }
        let pulse = Pulse(policy: heartbeat, openedAt: clock.now)
        await withTaskCancellationHandler {
            await sendGreetingBeat(over: connection, pulse)
        } onCancel: {
            // The app's closure that makes the beat may not listen to the cancellation.
            connection.abort()
        }
        guard opened(connection, url: request.url, attempt) else {
            connection.abort()
            return nil
        }
        return await serve(connection, pulse)
    }

    private func isCurrent(_ attempt: StateMachine.Attempt) -> Bool {
        core.withLock { $0.machine.isCurrent(attempt.generation) }
    }

    /// - Returns: Whether the connection is the service's from now on.
    private func opened(
        _ connection: any SocketConnection, url: String, _ attempt: StateMachine.Attempt
    ) -> Bool {
        let isOpen = core.withLock { core in
            guard core.machine.opened(attempt.generation, now: clock.now) else { return false }
            let context = OpenContext(
                handshake: connection.handshake, url: url, isReconnect: core.hasBeenOpen)
            core.hasBeenOpen = true
            core.link = Core.Link(connection: connection, generation: attempt.generation, phase: .greeting)
            core.roundTripTime = nil
            broadcaster.send(.open(context.handshake))
            for waiter in core.openWaiters { waiter.succeed(context.handshake) }
            core.openWaiters = []
            if handlers.read({ $0.open.isEmpty }) {
                // Nobody has anything to send first, so the queue need not wait for handlers of older messages.
                startDraining(&core)
            } else {
                deliver(.opened(context, generation: attempt.generation), &core)
            }
            return true
        }
        guard isOpen else { return false }
        meters.opened()
        logger.debug("open")
        return true
    }

    /// Decides what follows a failure and waits as long as that says.
    ///
    /// - Returns: The next attempt; `nil` when there is none, or another one took its place.
    private func wait(
        after failure: ConnectionFailure, of attempt: StateMachine.Attempt
    ) async -> StateMachine.Attempt? {
        let (action, wasOpen, failures) = change { core, drops in
            let wasOpen = core.machine.isOpen(attempt.generation)
            let action = core.machine.failed(attempt.generation, failure, now: clock.now, using: &core.generator)
            switch action {
            case .ignore:
                break
            case .wait(let delay, _):
                if wasOpen { connectionLost(failure, &core, &drops) }
                announce(failure, wasOpen: wasOpen, &core)
                broadcaster.send(.waiting(delay, attempt: core.machine.failures + 1))
            case .giveUp(let attempts):
                gaveUp(attempts, failure, &core)
                announce(failure, wasOpen: wasOpen, &core)
                broadcaster.send(.gaveUp(attempts: attempts, lastError: failure))
                deliver(.failed(.gaveUp(attempts, failure)), &core)
            }
            return (action, wasOpen, core.machine.failures)
        }
        guard action != .ignore else { return nil }
        meters.failed()
        logger.info(
            wasOpen ? "connection lost" : "connecting failed", metadata: [LoggingKeys.failure: "\(failure)"])
        switch action {
        case .ignore:
            return nil
        case .giveUp(let attempts):
            logger.error("gave up", metadata: [LoggingKeys.failure: "\(failure)", LoggingKeys.attempt: "\(attempts)"])
            return nil
        case .wait(let delay, let deadline):
            logger.debug(
                "waiting", metadata: [LoggingKeys.delay: "\(delay)", LoggingKeys.attempt: "\(failures + 1)"])
            do {
                try await clock.sleep(until: deadline)
            } catch {
                // Left behind: stopped, paused or told to reconnect now.
                return nil
            }
            return core.withLock { $0.machine.waitEnded(attempt.generation) }
        }
    }

    private func connectionLost(
        _ failure: ConnectionFailure, _ core: inout Core, _ drops: inout [SendQueue.Drop]
    ) {
        core.link = nil
        core.drainTask?.cancel()
        settleRoomWaiters(&core, &drops)
        for request in core.replies.takeLost() { request.reply.fail(SocketServiceError.connectionFailed(failure)) }
    }

    private func gaveUp(_ attempts: Int, _ failure: ConnectionFailure, _ core: inout Core) {
        let error = SocketServiceError.gaveUp(attempts, failure)
        core.link = nil
        core.drainTask?.cancel()
        for request in core.replies.takeAll() { request.reply.fail(error) }
        for waiter in core.openWaiters { waiter.fail(error) }
        for waiter in core.endWaiters { waiter.fail(error) }
        for waiter in core.roomWaiters { waiter.outcome.succeed(.dropped(.closed)) }
        for waiter in core.flushWaiters { waiter.succeed() }
        core.openWaiters = []
        core.endWaiters = []
        core.roomWaiters = []
        core.flushWaiters = []
    }

    private func announce(_ failure: ConnectionFailure, wasOpen: Bool, _ core: inout Core) {
        // A peer that says goodbye is no error.
        if case .closed = failure {
        } else {
            broadcaster.send(.failed(failure))
            deliver(.failed(.connectionFailed(failure)), &core)
        }
        guard wasOpen else { return }
        broadcaster.send(.closed(.failed(failure)))
        deliver(.closed(.failed(failure)), &core)
    }
}

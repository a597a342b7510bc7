internal import LibWebSockets
internal import Logging
internal import Synchronization

extension ConnectionLife {
    typealias Attempt = SocketService.StateMachine.Attempt

    /// The result of an attempt.
    private struct Prospect: Sendable {
        let connection: any SocketConnection
        let url: String
        let heart: HeartbeatDriver
    }

    /// Makes attempts and serves their connections until the service gives up or this task is left behind.
    func run(_ first: Attempt) async {
        var next: Attempt? = first
        while let attempt = next {
            guard let failure = await connectAndServe(attempt) else { return }
            next = await wait(after: failure, of: attempt)
        }
    }

    /// - Returns: The end of it; `nil` when the attempt was left behind.
    private func connectAndServe(_ attempt: Attempt) async -> ConnectionFailure? {
        environment.meters.attempted()
        let prospect: Prospect
        let start = environment.clock.now
        let limit = environment.options.attemptTimeout
        do {
            prospect = try await environment.withLimit(limit) {
                try await self.connect(attempt)
            } discard: {
                $0.connection.abort()
            }
        } catch is DeadlineExceeded {
            return .connectFailed(
                SocketServiceError(
                    .attemptTimedOut,
                    "an attempt to connect, with the closures of the app that are part of it, took longer than \(limit)"
                ))
        } catch {
            return .connectFailed(error)
        }
        guard let open = opened(prospect, attempt, since: start) else {
            prospect.connection.abort()
            return nil
        }
        return await serve(open, prospect.heart)
    }

    private func connect(_ attempt: Attempt) async throws -> Prospect {
        let request = try await whileHeldUp(attempt) { try await self.source.request(for: attempt) }
        // The closure may not have listened.
        try Task.checkCancellation()
        guard isCurrent(attempt) else { throw CancellationError() }
        environment.connectionLog.connecting(
            to: request.loggableURL, attempt: attempt.number, now: environment.clock.now)
        environment.broadcaster.send(.connecting(attempt: attempt.number, url: request.url))
        try transport.validate(request)
        let connection = try await transport.connect(to: request, logger: environment.logger)
        let heart = HeartbeatDriver(
            policy: heartbeat, connection: connection, environment: environment,
            measured: { [weak self] in self?.note(roundTrip: $0, of: attempt.generation) },
            report: { [dispatcher] in dispatcher.report($0) })
        do {
            try await withTaskCancellationHandler {
                try await whileHeldUp(attempt) { await heart.sendFirstBeat() }
            } onCancel: {
                // The app's closure that makes the beat may not listen to the cancellation.
                connection.abort()
            }
        } catch {
            connection.abort()
            throw error
        }
        return Prospect(connection: connection, url: request.url, heart: heart)
    }

    /// While the app's closure runs, ``reconnectNow()`` gets past it, unless it is the closure that calls that.
    ///
    /// - Throws: `CancellationError` when the attempt was left behind: the closure is not called then.
    private func whileHeldUp<Result>(
        _ attempt: Attempt, _ body: () async throws -> Result
    ) async throws -> Result {
        try core.withLock { core in
            guard core.machine.isCurrent(attempt.generation) else { throw CancellationError() }
            core.heldUpAttempt = attempt.generation
        }
        defer {
            core.withLock { core in
                if core.heldUpAttempt == attempt.generation { core.heldUpAttempt = nil }
            }
        }
        let scope = AttemptScope(life: self, generation: attempt.generation)
        return try await AttemptScope.$current.withValue(scope) { try await body() }
    }

    private func isCurrent(_ attempt: Attempt) -> Bool {
        core.withLock { $0.machine.isCurrent(attempt.generation) }
    }

    /// - Returns: The connection that is the service's from now on; `nil` when the attempt was left behind.
    private func opened(_ prospect: Prospect, _ attempt: Attempt, since start: Duration) -> OpenConnection? {
        let generation = attempt.generation
        let open = OpenConnection(
            connection: prospect.connection, handshake: prospect.connection.handshake, generation: generation)
        let now = environment.clock.now
        let isCurrent = core.change { core, afterwards in
            guard core.machine.opened(generation, now: now) else { return false }
            let context = OpenContext(
                handshake: open.handshake, url: prospect.url, isReconnect: core.hasBeenOpen)
            core.hasBeenOpen = true
            core.open = open
            core.roundTripTime = nil
            // Nobody has anything to send first, so the queue need not wait for handlers of older messages.
            let isGreeting = hasOpenHandlers
            let greeting = Inbox.Greeting(generation: generation) { self.greeted(open, $0) }
            // First, so that a task that waits for the connection finds it counted.
            afterwards.add { [environment] in environment.meters.connected() }
            outbox.connect(
                Outbox.Destination(connection: open.connection, generation: generation, isGreeting: isGreeting),
                &afterwards
            )
            if isGreeting { requests.failHandlersUnsent(after: generation - 1, &afterwards) }
            environment.broadcaster.send(.open(open.handshake), &afterwards)
            // Last: a task that is at work may call `onOpen` before this returns, whose messages go to the connection.
            dispatcher.begin(generation, isGreeting ? .opened(context, greeting) : nil, &afterwards)
            for waiter in core.openWaiters { waiter.succeed(open.handshake, &afterwards) }
            core.openWaiters = []
            return true
        }
        guard isCurrent else { return nil }
        environment.meters.opened(after: now - start)
        environment.connectionLog.opened(attempt: attempt.number, tls: prospect.connection.tls, now: now)
        return open
    }

    // MARK: Failures

    /// Decides what follows a failure, and waits for as long as the decision says.
    ///
    /// - Returns: The next attempt; `nil` when there is none, or another one took its place.
    private func wait(after failure: ConnectionFailure, of attempt: Attempt) async -> Attempt? {
        let error = SocketServiceError.connectionFailed(failure)
        let now = environment.clock.now
        let failing = core.change { core, afterwards -> SocketService.StateMachine.Deliberation? in
            guard let deliberation = core.machine.failing(attempt.generation, failure, now: now) else { return nil }
            announce(failure, error, deliberation, &core, &afterwards)
            return deliberation
        }
        guard var deliberation = failing else { return nil }
        environment.meters.failed(failure)
        let decision = decide(&deliberation)
        let givingUp = SocketServiceError.gaveUp(deliberation.failures, failure, isFinal: deliberation.isFinal)
        switch settle(decision, deliberation, failure, givingUp) {
        case .ignore:
            log(failure, deliberation, delay: nil, now: now)
            return nil
        case .giveUp(let attempts):
            environment.connectionLog.gaveUp(givingUp, attempts: attempts)
            return nil
        case .wait(let delay, let deadline):
            log(failure, deliberation, delay: delay, now: now)
            do {
                try await environment.clock.sleep(until: deadline)
            } catch {
                // Left behind: stopped, paused or told to reconnect now.
                return nil
            }
            return core.withLock { $0.machine.waitEnded(attempt.generation) }
        }
    }

    private func log(
        _ failure: ConnectionFailure, _ deliberation: SocketService.StateMachine.Deliberation, delay: Duration?,
        now: Duration
    ) {
        environment.connectionLog.failed(
            failure, attempt: deliberation.attempt.number, openFor: deliberation.openFor,
            failures: deliberation.failures, delay: delay, now: now)
    }

    /// The policy's closures and the generator are the app's, so that no lock is held.
    private func decide(_ deliberation: inout SocketService.StateMachine.Deliberation) -> ReconnectPolicy.Decision {
        var generator = core.withLock(\.generator)
        let decision = deliberation.decide(using: &generator)
        let advanced = generator
        let previous = core.withLock { core in
            defer { core.generator = advanced }
            return core.generator
        }
        return withExtendedLifetime(previous) { decision }
    }

    private func settle(
        _ decision: ReconnectPolicy.Decision, _ deliberation: SocketService.StateMachine.Deliberation,
        _ failure: ConnectionFailure, _ givingUp: SocketServiceError
    ) -> SocketService.StateMachine.FailureAction {
        let now = environment.clock.now
        return core.change { core, afterwards in
            let action = core.machine.decided(deliberation, decision, now: now)
            switch action {
            case .ignore:
                break
            case .wait(let delay, _):
                environment.broadcaster.send(.waiting(delay, attempt: deliberation.failures + 1), &afterwards)
            case .giveUp(let attempts):
                outbox.finish(&afterwards)
                requests.failAll(givingUp, &afterwards)
                for waiter in core.openWaiters { waiter.fail(givingUp, &afterwards) }
                for waiter in core.endWaiters { waiter.fail(givingUp, &afterwards) }
                core.openWaiters = []
                core.endWaiters = []
                environment.broadcaster.send(.gaveUp(attempts: attempts, lastError: failure), &afterwards)
                dispatcher.append(.failed(givingUp), &afterwards)
            }
            return action
        }
    }

    private func announce(
        _ failure: ConnectionFailure, _ error: SocketServiceError,
        _ deliberation: SocketService.StateMachine.Deliberation, _ core: inout Core,
        _ afterwards: inout Afterwards
    ) {
        var notices: [Inbox.Item] = []
        // A peer that says goodbye is no error.
        if case .closed = failure {
        } else {
            environment.broadcaster.send(.failed(failure), &afterwards)
            notices.append(.failed(error))
        }
        guard deliberation.wasOpen else {
            for notice in notices { dispatcher.append(notice, &afterwards) }
            return
        }
        afterwards.release(core.open.take())
        let generation = deliberation.attempt.generation
        requests.lose(generation, error, &afterwards)
        disconnected(generation, &afterwards)
        environment.broadcaster.send(.closed(.failed(failure)), &afterwards)
        dispatcher.end(generation, with: notices + [.closed(.failed(failure))], &afterwards)
    }
}

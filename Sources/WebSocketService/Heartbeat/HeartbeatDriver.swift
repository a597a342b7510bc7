internal import Synchronization
internal import Logging
internal import LibWebSockets

/// Keeps the heartbeat of one connection: sends the beats that the state machine asks for, and says when the peer is dead.
///
/// The connection's reader tells it of messages that arrive. No beat is waited for: the app's closure that makes one may
/// hang, and may ignore its cancellation.
final class HeartbeatDriver: Sendable {
    /// Beyond so many unanswered beats, which only other traffic can have forgiven, no further one is sent.
    static let inFlightLimit = 16

    private struct State {
        var machine: HeartbeatStateMachine
        var beats: [UInt64: Task<Void, Never>] = [:]
        var lastBeat: UInt64 = 0
        /// The number of calls of the app's closure that have not returned, those given up included.
        var closures = 0
        var hasEnded = false
    }

    private let policy: HeartbeatPolicy
    private let connection: any SocketConnection
    private let environment: ServiceEnvironment
    private let measured: @Sendable (Duration) -> Void
    private let report: @Sendable (SocketServiceError) -> Void
    private let state: Lock<State>

    /// - Parameters:
    ///   - measured: Told of each round trip.
    ///   - report: Told when the app's closure fails.
    init(
        policy: HeartbeatPolicy, connection: any SocketConnection, environment: ServiceEnvironment,
        measured: @escaping @Sendable (Duration) -> Void, report: @escaping @Sendable (SocketServiceError) -> Void
    ) {
        self.policy = policy
        self.connection = connection
        self.environment = environment
        self.measured = measured
        self.report = report
        state = Lock(State(machine: HeartbeatStateMachine(policy: policy, openedAt: environment.clock.now)))
    }

    /// An application's beat that comes right on open goes out before anything else, as servers expect of a login.
    func sendFirstBeat() async {
        guard policy.beatsOnOpen, case .message = policy.beat else { return }
        guard case .beat = advance() else { return }
        await sendBeat()
    }

    /// Runs until the peer is dead, there is no heartbeat, or the task is cancelled.
    ///
    /// - Returns: The failure when the peer is dead; `nil` otherwise.
    func run() async -> ConnectionFailure? {
        defer { end() }
        while !Task.isCancelled {
            switch advance() {
            case .off:
                return nil
            case .dead(let unanswered):
                return .heartbeatTimeout(unanswered: unanswered)
            case .beat:
                startBeat()
            case .sleep(let deadline):
                do {
                    try await environment.clock.sleep(until: deadline)
                } catch {
                    return nil
                }
            }
        }
        return nil
    }

    // MARK: News from the reader

    func readingPaused() {
        let now = environment.clock.now
        state.withLock { $0.machine.readingPaused(now: now) }
    }

    func readingResumed() {
        let now = environment.clock.now
        state.withLock { $0.machine.readingResumed(now: now) }
    }

    /// A closure of the app's looks at what arrives.
    var asksApp: Bool { policy.isAnswer != nil }

    func received(_ batch: [WebSocketMessage]) {
        guard policy.beat != nil else { return }
        // The app's closure, under no lock.
        let isAnswer = policy.isAnswer.map { batch.contains(where: $0) } ?? false
        let now = environment.clock.now
        if let roundTrip = state.withLock({ $0.machine.received(isAnswer: isAnswer, now: now) }) { measured(roundTrip) }
    }

    // MARK: Beats

    private func advance() -> HeartbeatStateMachine.Action {
        let (now, bytesReceived) = (environment.clock.now, connection.bytesReceived)
        return state.withLock { $0.machine.advance(now: now, bytesReceived: bytesReceived) }
    }

    private func startBeat() {
        state.change { state, afterwards in
            guard state.beats.count < Self.inFlightLimit, !state.hasEnded else { return }
            state.lastBeat += 1
            let number = state.lastBeat
            state.beats[number] = environment.start(&afterwards) {
                await self.sendBeat()
                self.state.withLock { $0.beats[number] = nil }
            }
        }
    }

    private func end() {
        let beats = state.withLock { state in
            state.hasEnded = true
            return Array(state.beats.values)
        }
        for beat in beats { beat.cancel() }
    }

    private func call(_ make: @Sendable () async throws -> WebSocketMessage) async throws -> WebSocketMessage {
        let mayCall = state.withLock { state in
            guard state.closures < Self.inFlightLimit else { return false }
            state.closures += 1
            return true
        }
        guard mayCall else { throw ClosuresHang() }
        defer { state.withLock { $0.closures -= 1 } }
        return try await make()
    }

    private struct ClosuresHang: Error, CustomStringConvertible {
        var description: String { "\(HeartbeatDriver.inFlightLimit) earlier calls of the closure have not returned" }
    }

    private func sendBeat() async {
        switch policy.beat {
        case .ping:
            do {
                let roundTrip = try await connection.ping()
                state.withLock { $0.machine.answered() }
                measured(roundTrip)
            } catch {
                // The end of the connection is told elsewhere.
                environment.logger.trace("ping failed", metadata: [LoggingKeys.error: "\(error)"])
            }
        case .message(let make):
            let message: WebSocketMessage
            do {
                message = try await environment.withLimit(environment.options.attemptTimeout) {
                    try await self.call(make)
                }
            } catch {
                guard !Task.isCancelled else { return }
                report(
                    SocketServiceError(
                        .heartbeatFailed, "the heartbeat's message could not be made: \(error)", underlying: error))
                return
            }
            do {
                try await connection.send(message)
                environment.meters.sent(byteCount: message.payload.count)
            } catch {
                environment.logger.trace("heartbeat failed", metadata: [LoggingKeys.error: "\(error)"])
            }
        case nil:
            return
        }
    }
}

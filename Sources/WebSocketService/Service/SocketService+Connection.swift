internal import Logging
internal import Synchronization

extension SocketService {
    /// Reads from a connection and keeps its heartbeat, until it ends.
    func serve(_ connection: any SocketConnection, _ pulse: Pulse) async -> ConnectionFailure {
        await withTaskGroup(of: ConnectionFailure?.self) { group in
            group.addTask { await self.read(connection, pulse) }
            group.addTask { await self.beat(connection, pulse) }
            for await failure in group {
                guard let failure else { continue }
                // Cancelled, the connection belongs to whoever closes it.
                if !Task.isCancelled { connection.abort() }
                group.cancelAll()
                return failure
            }
            return .lost(CancellationError())
        }
    }

    // MARK: Reading

    private func read(_ connection: any SocketConnection, _ pulse: Pulse) async -> ConnectionFailure? {
        do {
            while true {
                pulse.readingPaused(now: clock.now)
                try await inbox.waitUntilReadable()
                pulse.readingResumed(now: clock.now)
                guard try await receiveBatch(from: connection, pulse) else { break }
            }
            return .closed(
                connection.closure ?? WebSocketClosure(initiator: .connectionLoss, sent: nil, received: nil))
        } catch {
            // What the peer said in its close frame tells more than the error of a call that found it closed.
            if let closure = connection.closure, closure.received != nil { return .closed(closure) }
            return .lost(error)
        }
    }

    /// - Returns: Whether the connection goes on.
    private func receiveBatch(from connection: any SocketConnection, _ pulse: Pulse) async throws -> Bool {
        inbox.beginReceiving()
        defer { inbox.endReceiving() }
        guard let batch = try await connection.receive() else { return false }
        received(batch, pulse)
        return true
    }

    private func received(_ batch: [WebSocketMessage], _ pulse: Pulse) {
        meters.received(batch)
        if let roundTrip = pulse.received(batch, now: clock.now) { note(roundTrip: roundTrip) }
        let messages = inbox.expectsReplies ? takeReplies(from: batch) : batch
        if !messages.isEmpty { deliver(.messages(messages)) }
    }

    /// Hands answers to the requests that wait for them, and returns the other messages.
    private func takeReplies(from batch: [WebSocketMessage]) -> [WebSocketMessage] {
        core.withLock { core in
            batch.filter { message in
                guard let request = core.replies.take(for: message, router: options.router) else { return true }
                // A request that was given up in this very moment has no use for its answer, nor has anybody else.
                request.reply.succeed(message)
                return false
            }
        }
    }

    // MARK: Heartbeat

    /// The heartbeat of one connection, which its reader and its timer share.
    final class Pulse: Sendable {
        /// Beyond so many unanswered beats, which only other traffic can have forgiven, no further one is sent.
        static let inFlightLimit = 16

        private let machine: Mutex<HeartbeatStateMachine>
        private let inFlight = Atomic<Int>(0)

        init(policy: HeartbeatPolicy, openedAt now: Duration) {
            var machine = HeartbeatStateMachine(policy: policy, openedAt: now)
            // Until the reader begins.
            machine.readingPaused(now: now)
            self.machine = Mutex(machine)
        }

        func advance(now: Duration, bytesReceived: UInt64) -> HeartbeatStateMachine.Action {
            machine.withLock { $0.advance(now: now, bytesReceived: bytesReceived) }
        }

        /// - Returns: Whether the beat may be sent; if so, ``endSending()`` follows.
        func beginSending() -> Bool {
            // Only the timer's task begins.
            guard inFlight.load(ordering: .relaxed) < Self.inFlightLimit else { return false }
            inFlight.add(1, ordering: .relaxed)
            return true
        }

        func endSending() {
            inFlight.subtract(1, ordering: .relaxed)
        }

        func answered() {
            machine.withLock { $0.answered() }
        }

        func readingPaused(now: Duration) {
            machine.withLock { $0.readingPaused(now: now) }
        }

        func readingResumed(now: Duration) {
            machine.withLock { $0.readingResumed(now: now) }
        }

        /// - Returns: The round trip, when one of the messages answers the last beat.
        func received(_ batch: [WebSocketMessage], now: Duration) -> Duration? {
            machine.withLock { machine in
                var roundTrip: Duration?
                for message in batch { roundTrip = machine.received(message, now: now) ?? roundTrip }
                return roundTrip
            }
        }
    }

    /// An application's beat that comes right on open goes out before anything else, as servers expect of a login.
    func sendGreetingBeat(over connection: any SocketConnection, _ pulse: Pulse) async {
        guard heartbeat.beatsOnOpen, case .message = heartbeat.beat else { return }
        guard case .beat = pulse.advance(now: clock.now, bytesReceived: connection.bytesReceived) else { return }
        await sendBeat(over: connection, pulse)
    }

    /// - Returns: That the peer is dead; `nil` when the connection ended otherwise.
    private func beat(_ connection: any SocketConnection, _ pulse: Pulse) async -> ConnectionFailure? {
        // One that discards: over the years of a connection, the results of its beats would add up.
        await withDiscardingTaskGroup { group in
            defer { group.cancelAll() }
            while !Task.isCancelled {
                switch pulse.advance(now: clock.now, bytesReceived: connection.bytesReceived) {
                case .off:
                    return nil
                case .dead(let unanswered):
                    return .heartbeatTimeout(unanswered: unanswered)
                case .beat:
                    guard pulse.beginSending() else { continue }
                    group.addTask {
                        await self.sendBeat(over: connection, pulse)
                        pulse.endSending()
                    }
                case .sleep(let deadline):
                    do {
                        try await clock.sleep(until: deadline)
                    } catch {
                        return nil
                    }
                }
            }
            return nil
        }
    }

    private func sendBeat(over connection: any SocketConnection, _ pulse: Pulse) async {
        switch heartbeat.beat {
        case .ping:
            do {
                let roundTrip = try await connection.ping()
                pulse.answered()
                note(roundTrip: roundTrip)
            } catch {
                // The reader finds out how the connection ended, and says so.
                logger.trace("ping failed", metadata: [LoggingKeys.error: "\(error)"])
            }
        case .message(let make):
            let message: WebSocketMessage
            do {
                message = try await make()
            } catch {
                guard !Task.isCancelled else { return }
                report(
                    SocketServiceError(
                        .heartbeatFailed, "the heartbeat's message could not be made: \(error)", underlying: error))
                return
            }
            do {
                try await connection.send(message)
                meters.sent(message)
            } catch {
                logger.trace("heartbeat failed", metadata: [LoggingKeys.error: "\(error)"])
            }
        case nil:
            return
        }
    }

    private func note(roundTrip: Duration) {
        meters.measured(roundTrip: roundTrip)
        core.withLock { core in
            if core.roundTripTime?.add(roundTrip) == nil { core.roundTripTime = RoundTripTime(first: roundTrip) }
        }
        broadcaster.send(.roundTrip(roundTrip))
    }
}

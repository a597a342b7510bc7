internal import DequeModule
internal import Synchronization

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension SocketService {
    /// Sends a value, encoded by the codec; JSON unless the options say otherwise.
    ///
    /// What happens in which state is in ``State``. Suspends while the connection's output buffer is above its
    /// high-water mark: that is the back-pressure.
    ///
    /// - Returns: What became of the message. ``SendOutcome/sent`` means that the connection has taken it; whether the
    ///   peer has seen it only the peer can say.
    /// - Throws: What the codec throws; ``SocketServiceError`` with the code ``SocketServiceError/Code/queueFull`` under
    ///   the overflow rule ``QueuePolicy/Overflow/fail``; what the connection throws for a message that it refuses;
    ///   `CancellationError` when the task is cancelled. In each case the message is not sent.
    @discardableResult
    public func send(_ value: some Encodable, delivery: Delivery = .queued) async throws -> SendOutcome {
        try await submit(options.codec.encode(value), delivery)
    }

    /// Sends a text message, as it is; see ``send(_:delivery:)-(WebSocketMessage,_)``.
    @discardableResult
    public func send(_ text: String, delivery: Delivery = .queued) async throws -> SendOutcome {
        try await submit(.text(text), delivery)
    }

    /// Sends a binary message; see ``send(_:delivery:)-(WebSocketMessage,_)``.
    @discardableResult
    public func send(_ bytes: [UInt8], delivery: Delivery = .queued) async throws -> SendOutcome {
        try await submit(.binary(bytes), delivery)
    }

    /// Sends a binary message; see ``send(_:delivery:)-(WebSocketMessage,_)``.
    @discardableResult
    public func send(_ data: Data, delivery: Delivery = .queued) async throws -> SendOutcome {
        try await submit(.binary(data), delivery)
    }

    /// Sends a message, as it is.
    @discardableResult
    public func send(_ message: WebSocketMessage, delivery: Delivery = .queued) async throws -> SendOutcome {
        try await submit(message, delivery)
    }

    private enum Admission {
        case direct(Core.Link, number: UInt64)
        case notNow(Verdict)
    }

    /// What becomes of a message that cannot go out now.
    private enum Verdict {
        case outcome(SendOutcome)
        case wait(Core.RoomWaiter)
        case full
    }

    /// - Parameter requestNumber: The number that a request got when it was made.
    func submit(
        _ message: WebSocketMessage, _ delivery: Delivery, requestNumber: UInt64? = nil
    ) async throws -> SendOutcome {
        let greeting = isInsideHandler ? Self.handlerContext?.openGeneration : nil
        let admission = change { core, drops -> Admission in
            let number = requestNumber ?? core.nextNumber()
            if core.machine.isFinished { return .notNow(.outcome(.dropped(.closed))) }
            if let link = core.link, link.phase == .direct || (link.phase == .greeting && link.generation == greeting) {
                return .direct(link, number: number)
            }
            return .notNow(enqueue(message, delivery, number: number, &core, &drops))
        }
        switch admission {
        case .direct(let link, let number):
            let outcome = try await send(message, delivery, number: number, over: link)
            if outcome == .sent, requestNumber != nil { noteRequestSent(number: number, generation: link.generation) }
            return outcome
        case .notNow(let verdict):
            return try await outcome(of: verdict)
        }
    }

    private func send(
        _ message: WebSocketMessage, _ delivery: Delivery, number: UInt64, over link: Core.Link
    ) async throws -> SendOutcome {
        do {
            try await link.connection.send(message)
            meters.sent(message)
            return .sent
        } catch {
            guard !(error is CancellationError), link.connection.hasEnded(error) else { throw error }
        }
        let verdict = change { core, drops -> Verdict in
            if core.machine.isFinished { return .outcome(.dropped(.closed)) }
            let verdict = enqueue(message, delivery, number: number, &core, &drops)
            // On a newer connection that is past its queue, nobody would look there again.
            if let current = core.link, current.generation != link.generation, current.phase == .direct {
                startDraining(&core)
            }
            return verdict
        }
        return try await outcome(of: verdict)
    }

    private func enqueue(
        _ message: WebSocketMessage, _ delivery: Delivery, number: UInt64, _ core: inout Core,
        _ drops: inout [SendQueue.Drop]
    ) -> Verdict {
        guard delivery.mayBeQueued else { return .outcome(.dropped(.notConnected)) }
        let now = clock.now
        let entry = core.queue.makeEntry(number: number, message: message, delivery: delivery, now: now)
        core.queue.removeExpired(now: now, drops: &drops)
        let isConnected = core.link != nil
        let verdict: SendQueue.Verdict =
            // Those who wait already go first.
            !core.roomWaiters.isEmpty && entry.byteCount <= core.queue.policy.byteLimit
            ? .wait : core.queue.admit(entry, waitsForRoom: isConnected, drops: &drops)
        switch verdict {
        case .queued:
            scheduleExpiry(&core)
            meters.queued(core.queue.count)
            return .outcome(.queued)
        case .dropped(let reason):
            return .outcome(.dropped(reason))
        case .full:
            return .full
        case .wait:
            let waiter = Core.RoomWaiter(entry: entry, outcome: Completion())
            core.roomWaiters.append(waiter)
            return .wait(waiter)
        }
    }

    private func outcome(of verdict: Verdict) async throws -> SendOutcome {
        let outcome: SendOutcome
        switch verdict {
        case .outcome(let decided):
            outcome = decided
        case .wait(let waiter):
            do {
                outcome = try await waiter.outcome.value()
            } catch {
                core.withLock { $0.roomWaiters.removeAll { $0.outcome === waiter.outcome } }
                throw error
            }
        case .full:
            throw SocketServiceError.queueFull
        }
        if case .dropped = outcome {
            meters.dropped()
        }
        return outcome
    }
}

extension SocketServiceError {
    static let queueFull = SocketServiceError(
        .queueFull, "the queue is full and its overflow rule is to fail; the message was not taken")
}

extension SocketConnection {
    /// Whether a send failed because the connection is over, rather than because of the message.
    func hasEnded(_ error: any Error) -> Bool {
        if closure != nil { return true }
        switch (error as? WebSocketError)?.code {
        case .connectionClosed, .connectionLost, .eventLoopShutDown, .timedOut, .protocolViolation: return true
        default: return false
        }
    }
}

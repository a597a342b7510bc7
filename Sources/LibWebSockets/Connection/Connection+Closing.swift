internal import Synchronization
internal import Logging
internal import WebSocketProtocol
internal import LibC

extension Connection {
    /// Closes the connection and waits until it is certain how it ended. Cancelling the task aborts the connection.
    func close(_ frame: CloseFrame) async -> WebSocketClosure {
        beginClosing(frame)
        do {
            return try await closed()
        } catch {
            abort()
            // Aborting is certain to end it: nothing is waited for but the loop's next turn.
            return await Task { try? await closed() }.value
                ?? WebSocketClosure(initiator: .local, sent: nil, received: nil)
        }
    }

    /// Waits until it is certain how the connection ended.
    func closed() async throws -> WebSocketClosure {
        let id = withOutbound { outbound in
            outbound.lastCloseWaiter += 1
            return outbound.lastCloseWaiter
        }
        return try await withTaskCancellationHandler {
            try await Waiter<WebSocketClosure>.wait { waiter in
                let result: Result<WebSocketClosure, any Error>? = withOutbound { outbound in
                    if let ending = outbound.ending { return .success(ending.closure) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    outbound.closeWaiters[id] = waiter
                    return nil
                }
                if let result { waiter.resume(with: result) }
            }
        } onCancel: {
            withOutbound { $0.closeWaiters.removeValue(forKey: id) }?.resume(throwing: CancellationError())
        }
    }

    /// Begins to close the connection without waiting.
    func beginClosing(_ frame: CloseFrame) {
        let (needsWakeUp, waiters) = withOutbound { outbound -> (Bool, Waiters) in
            guard outbound.ending == nil else { return (false, Waiters()) }
            Self.close(&outbound, frame)
            return (Self.claimWakeUp(&outbound.queue), Waiters(senders: outbound.admission.removeAll()))
        }
        if needsWakeUp { wakeLoop() }
        waiters.fail(Self.closedError(nil))
    }

    private static func close(_ outbound: inout Outbound, _ frame: CloseFrame) {
        let action = outbound.queue.machine.close(frame)
        do {
            try outbound.queue.enqueue(action)
        } catch {
            // Without a masking key no frame can be sent: what is left is to abort the connection.
            _ = outbound.queue.machine.abort()
        }
    }

    /// Ends the connection at once.
    func abort() {
        // The loop refuses this once it has ended, and the connection has ended with it.
        try? socketLoop.submit { _ in
            let action = self.withOutbound { $0.queue.machine.abort() }
            self.perform(action)
        }
    }
}

// Called on the loop's thread only.
extension Connection {
    /// Tells everybody who waits, as soon as it is certain how the connection ends: TCP's end may take longer.
    ///
    /// - Parameters:
    ///   - discardingOutput: Set when the pipe has ended, and what waits to be written is only counted.
    ///   - endingMessages: False while messages are still to come, from what had arrived before the pipe ended.
    func publishEnd(discardingOutput: Bool, endingMessages: Bool = true) {
        let pipeError = self.pipeError
        let peer = self.peer
        var isWritten = true
        let ended = withOutbound { outbound -> (Ending, Waiters)? in
            defer { if discardingOutput { outbound.queue.discard() } }
            guard outbound.ending == nil, let end = outbound.queue.machine.end else { return nil }
            let error = Self.error(for: end, pipeError: pipeError, peer: peer)
            let unsent = (segment?.messageCount ?? 0) + outbound.queue.unsentMessageCount
            let ending = Ending(closure: end.closure, error: error, unsentMessageCount: unsent)
            // Nothing more can be sent, whoever is told of the end.
            var waiters = Waiters(senders: outbound.admission.removeAll())
            // Behind output that the peer does not read, the close frame may never go out: only the messages wait for that.
            let mayReportEnd = outbound.queue.machine.mayReportEnd
            isWritten = mayReportEnd || endsMessagesAtOnce.load(ordering: .relaxed)
            guard mayReportEnd || segment != nil || pipe?.hasUnsent == true else { return (ending, waiters) }
            outbound.ending = ending
            isEndPublished = true
            waiters.closers = Array(outbound.closeWaiters.values)
            outbound.closeWaiters = [:]
            waiters.pings = outbound.pings.removeAll()
            return (ending, waiters)
        }
        guard let (ending, waiters) = ended else { return }
        let error = ending.error ?? Self.closedError(ending)
        waiters.fail(error)
        guard isEndPublished else { return }
        logger.debug("connection closed", metadata: ["closure": "\(ending.closure.code)", "peer": "\(peer)"])
        for closer in waiters.closers { closer.resume(returning: ending.closure) }
        guard endingMessages, isWritten else { return }
        remainingInput = nil
        endMessages(with: ending.error)
    }

    /// Those to be told of the end, outside of the lock.
    private struct Waiters {
        var senders: [Sender] = []
        var closers: [Waiter<WebSocketClosure>] = []
        var pings: [Waiter<Duration>] = []

        /// Tells those for whom the end is an error.
        func fail(_ error: WebSocketError) {
            for sender in senders { sender.resume(throwing: error) }
            for ping in pings { ping.resume(throwing: error) }
        }
    }

    static func error(
        for end: (closure: WebSocketClosure, cause: ConnectionStateMachine.Cause), pipeError: WebSocketError?,
        peer: String
    ) -> WebSocketError? {
        switch end.cause {
        case .closeHandshake: end.closure.isPeerError ? peerError(end.closure, peer: peer) : nil
        case .abort: nil
        // This side closed; that the peer did not answer shows in the closure.
        case .closeDeadline: nil
        case .violation(let violation):
            WebSocketError(
                code(of: violation), stage: .open,
                message: "\(violation.description) The connection to \(peer) was closed with \(violation.closeCode).",
                closure: end.closure)
        case .pipeEnded:
            // After our close frame, its end is what was asked for.
            end.closure.sent != nil
                ? nil
                : WebSocketError(
                    pipeError?.code ?? .connectionLost, stage: .open,
                    message: pipeError?.message ?? "the connection to \(peer) was lost",
                    closure: end.closure, errno: pipeError?.errno)
        }
    }

    /// Returns the error that the peer's code stands for.
    private static func peerError(_ closure: WebSocketClosure, peer: String) -> WebSocketError {
        let frame = closure.received.map { "\($0)" } ?? ""
        let advice = closure.advice.map { "; \($0)" } ?? ""
        return WebSocketError(
            .closedWithError, stage: .closing, message: "\(peer) closed the connection with \(frame)\(advice)",
            closure: closure)
    }

    private static func code(of violation: ProtocolViolation) -> WebSocketError.Code {
        switch violation.rule {
        case .messageTooBig: .messageTooBig
        case .inflaterFailed: .internalError
        default: .protocolViolation
        }
    }

    static func lossError(_ end: PipeEnd, peer: String) -> WebSocketError {
        var code = WebSocketError.Code.connectionLost
        if case .loopShutDown = end.cause { code = .loopShutDown }
        return WebSocketError(
            code, stage: .open, message: "the connection to \(peer) was lost: \(end.cause)", errno: end.cause.errno)
    }
}

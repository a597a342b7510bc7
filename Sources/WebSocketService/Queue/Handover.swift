/// The result of handing a message to a connection.
enum Handover: Sendable {
    case taken
    /// The connection takes it, but not now.
    case noRoom
    /// Its time to live was over first.
    case expired
    /// Only the return of the handler that sends could have made room.
    case needsReturn
    /// The connection is over, and has not taken it.
    case ended
    /// The connection stays, and will never take it.
    case refused(any Error)
    case cancelled
}

extension SocketConnection {
    /// Hands a message over at once, or not at all.
    func handOverNow(_ message: WebSocketMessage) async -> Handover {
        do {
            return try await sendWithoutWaiting(message) ? .taken : .noRoom
        } catch {
            return failure(error)
        }
    }

    /// Hands a message over, waiting for room.
    ///
    /// - Parameters:
    ///   - expiry: The time from which it must not be sent any more.
    ///   - full: Completes when only the caller's return could make room.
    ///   - taken: Called as soon as it is known that the connection has taken the message, before this returns.
    func handOver(
        _ message: WebSocketMessage, until expiry: Duration? = nil, orUntil full: Completion<Void>? = nil,
        _ clock: ServiceClock, taken: (@Sendable () -> Void)? = nil
    ) async -> Handover {
        guard expiry != nil || full != nil else { return await wait(message, taken) }
        // Nearly always there is room, and nothing to wait for.
        let now = await handOverNow(message)
        guard case .noRoom = now else { return now }
        return await withTaskGroup(of: (isSend: Bool, result: Handover).self) { group in
            group.addTask { (true, await self.wait(message, taken)) }
            if let expiry {
                group.addTask {
                    do {
                        try await clock.sleep(until: expiry)
                        return (false, .expired)
                    } catch {
                        return (false, .cancelled)
                    }
                }
            }
            if let full {
                group.addTask {
                    do {
                        try await full.value()
                        return (false, .needsReturn)
                    } catch {
                        return (false, .cancelled)
                    }
                }
            }
            var reason: Handover?
            for await (isSend, result) in group {
                group.cancelAll()
                guard isSend else {
                    if reason == nil { reason = result }
                    continue
                }
                // In the last moment the connection may have taken it, or ended.
                if case .cancelled = result, let reason { return reason }
                return result
            }
            return .cancelled
        }
    }

    private func wait(_ message: WebSocketMessage, _ taken: (@Sendable () -> Void)?) async -> Handover {
        do {
            try await send(message)
            taken?()
            return .taken
        } catch {
            return failure(error)
        }
    }

    private func failure(_ error: any Error) -> Handover {
        if error is CancellationError { return .cancelled }
        return hasEnded(error) ? .ended : .refused(error)
    }

    /// Tells whether a send failed because the connection is over, rather than because of the message.
    private func hasEnded(_ error: any Error) -> Bool {
        // The error may know of an end that the connection tells only once its close frame is out.
        if closure != nil || (error as? WebSocketError)?.closure != nil { return true }
        switch (error as? WebSocketError)?.code {
        case .connectionClosed, .connectionLost, .loopShutDown, .timedOut, .protocolViolation: return true
        default: return false
        }
    }
}

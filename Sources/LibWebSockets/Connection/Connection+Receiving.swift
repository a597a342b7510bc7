internal import WebSocketProtocol

// Called on any thread.
extension Connection {
    /// Messages that have arrived; waits for some. `nil` after an orderly end.
    func nextMessages() async throws -> [WebSocketMessage]? {
        switch withInbound({ $0.take(limit: limits.receiveBuffer) }) {
        case .messages(let batch, let resumesReading):
            if resumesReading { resumeReading() }
            return batch
        case .end(let error):
            if let error { throw error }
            return nil
        case .nothing: return try await waitForMessages()
        }
    }

    /// The next message; `nil` at the end.
    func nextMessage() async throws -> WebSocketMessage? {
        if let (message, resumesReading) = withInbound({ $0.takeOne(limit: limits.receiveBuffer) }) {
            if resumesReading { resumeReading() }
            return message
        }
        guard let batch = try await nextMessages() else { return nil }
        // This happens once for a batch: the next messages are taken where they are.
        putBack(batch.dropFirst())
        return batch.first
    }

    private func waitForMessages() async throws -> [WebSocketMessage]? {
        let id = withInbound { $0.makeWaiterID() }
        return try await withTaskCancellationHandler {
            try await InboundQueue.MessageWaiter.wait { waiter in
                // Messages may have come since the look without a continuation.
                let taken: InboundQueue.Taken? = withInbound { inbound in
                    let taken = inbound.take(limit: limits.receiveBuffer)
                    guard case .nothing = taken else { return taken }
                    if Task.isCancelled { return .end(CancellationError()) }
                    guard inbound.wait(waiter, id: id) else { return .end(Self.secondWaiterError) }
                    return nil
                }
                switch taken {
                case nil, .nothing: break
                case .messages(let batch, let resumesReading):
                    if resumesReading { resumeReading() }
                    waiter.resume(returning: batch)
                case .end(let error):
                    if let error { waiter.resume(throwing: error) } else { waiter.resume(returning: nil) }
                }
            }
        } onCancel: {
            withInbound { $0.cancelWaiter(id: id) }?.resume(throwing: CancellationError())
        }
    }

    /// Returns messages that a reader took and did not use.
    func putBack(_ messages: ArraySlice<WebSocketMessage>) {
        withInbound { $0.putBack(messages) }?.resume(returning: Array(messages))
    }

    private func resumeReading() {
        do {
            try socketLoop.submit { _ in
                self.pipe?.setReading(true)
                self.readRemainingInput()
            }
        } catch {
            // The loop has ended, or is about to tell this connection so: nobody reads the rest of the input.
            endMessages(with: ending.map(\.error) ?? SocketLoop.shutDownError)
        }
    }

    /// Resumes the task that waits, if there is something for it.
    func wakeWaiter() {
        guard let (waiter, batch, resumesReading) = withInbound({ $0.wake(limit: limits.receiveBuffer) }) else {
            return
        }
        if resumesReading { resumeReading() }
        waiter.resume(returning: batch)
    }

    /// Tells whoever waits that no more messages come, after those that wait.
    func endMessages(with error: WebSocketError?) {
        wakeWaiter()
        let waiter = withInbound { $0.end(error) }
        if let error { waiter?.resume(throwing: error) } else { waiter?.resume(returning: nil) }
    }

    private static let secondWaiterError = WebSocketError(
        .invalidConfiguration, stage: .open,
        message: "two tasks wait for the messages of one connection; let one task read and hand messages on")
}

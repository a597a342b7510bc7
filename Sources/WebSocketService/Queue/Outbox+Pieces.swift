internal import LibWebSockets
internal import Synchronization

extension Outbox {
    /// A message in pieces whose body runs in this task, or in one that it has started.
    final class PiecesUnderWay: Sendable {
        @TaskLocal static var current: PiecesUnderWay?

        private let outbox: ObjectIdentifier
        private let isOver = Atomic<Bool>(false)

        init(_ outbox: Outbox) {
            self.outbox = ObjectIdentifier(outbox)
        }

        /// Tells whether a message that finds no room would wait for its own task.
        static func holdsUp(_ outbox: Outbox) -> Bool {
            guard let current, current.outbox == ObjectIdentifier(outbox) else { return false }
            return !current.isOver.load(ordering: .relaxed)
        }

        func end() {
            isOver.store(true, ordering: .relaxed)
        }
    }

    /// Sends a message in pieces over the connection that is open, or not at all.
    func sendInPieces(
        _ kind: WebSocketMessage.Kind, from caller: Caller,
        _ body: (inout SocketMessageWriter) async throws -> Void
    ) async throws -> SendOutcome {
        if PiecesUnderWay.holdsUp(self) { throw SocketServiceError.messageUnderWay }
        let destination: Destination
        switch admitAtOnce(caller) {
        case .direct(let direct): destination = direct
        case .decided(let verdict): return try outcome(verdict)
        case .waits: return dropped(.notConnected)
        }
        defer { endHandover() }
        let message = try await waitForRoom(caller) { try await destination.connection.beginMessage(kind) }
        let underWay = PiecesUnderWay(self)
        defer { underWay.end() }
        var writer = SocketMessageWriter(outbox: self, message: message, caller: caller)
        do {
            try await PiecesUnderWay.$current.withValue(underWay) { try await body(&writer) }
            try await waitForRoom(caller) { try await message.finish() }
        } catch {
            message.abandon()
            throw error
        }
        environment.meters.sent(byteCount: writer.byteCount)
        return .sent
    }

    /// Waits for what the peer may have to make room for, but not beyond what only the caller's return could bring about.
    func waitForRoom<Result: Sendable>(
        _ caller: Caller, _ wait: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard let waiting = dispatcherKeptWaiting(by: caller) else { return try await wait() }
        return try await waiting.whileHandlerWaits { full in
            try await withThrowingTaskGroup(of: Result?.self) { group in
                group.addTask { try await wait() }
                group.addTask {
                    // Fails only when it was not needed.
                    try? await full.value()
                    return nil
                }
                defer { group.cancelAll() }
                if let result = try await group.next() ?? nil { return result }
                group.cancelAll()
                do {
                    // In the last moment there may have been room.
                    if let result = try await group.next() ?? nil { return result }
                } catch is CancellationError {
                    // It was told to end.
                }
                throw SocketServiceError.inboxFull
            }
        }
    }
}

internal import Synchronization
internal import DequeModule
internal import WebSocketService

/// The client's side of a scripted connection, and the state that both sides share.
final class ScriptedClient: SocketConnection {
    enum Ending {
        case closed
        case lost(any Error)
    }

    struct HeldSend {
        let message: WebSocketMessage
        let completion: Completion<Void>
    }

    struct State {
        var inbound: Deque<[WebSocketMessage]> = []
        var reader: Completion<[WebSocketMessage]?>?
        var readWatchers: [Completion<Void>] = []
        var ending: Ending?
        var closure: WebSocketClosure?
        /// The error that ended the connection, where it was the peer that aborted it.
        var closeError: (any Error)?
        var endWaiters: [Completion<WebSocketClosure>] = []
        var isClosing = false
        var closeWaiters: [Completion<WebSocketClosure>] = []
        var wasAborted = false
        var unseenCount = 0
        var bytesReceived: UInt64 = 0
        var pingAnswer: Duration? = .milliseconds(1)
        var pings: [Completion<Duration>] = []
        var answersClose = true
        var holdsSends = false
        var held: Deque<HeldSend> = []
        var rejection: (any Error)?

        mutating func countReceived(_ count: Int) {
            let (sum, hasOverflowed) = bytesReceived.addingReportingOverflow(UInt64(max(count, 0)))
            bytesReceived = hasOverflowed ? .max : sum
        }
    }

    let handshake: HandshakeResponse
    let sentFeed = ScriptedTransportFeed<WebSocketMessage>()
    let pingFeed = ScriptedTransportFeed<Void>()
    let state = Lock(State())

    init(handshake: HandshakeResponse) {
        self.handshake = handshake
    }

    // MARK: The client's side

    func nextMessages() async throws -> [WebSocketMessage]? {
        let reader = Completion<[WebSocketMessage]?>()
        state.change { state, afterwards in
            if let batch = state.inbound.popFirst() {
                reader.succeed(batch, &afterwards)
                return
            }
            switch state.ending {
            case .closed: reader.succeed(nil, &afterwards)
            case .lost(let error): reader.fail(error, &afterwards)
            case nil: state.reader = reader
            }
            for watcher in state.readWatchers { watcher.succeed(&afterwards) }
            state.readWatchers = []
        }
        return try await reader.value()
    }

    func send(_ message: WebSocketMessage) async throws {
        let completion = Completion<Void>()
        state.change { state, afterwards in
            if state.ending != nil || state.isClosing {
                completion.fail(Self.closedError, &afterwards)
            } else if let rejection = state.rejection {
                completion.fail(rejection, &afterwards)
            } else if state.holdsSends {
                state.held.append(HeldSend(message: message, completion: completion))
            } else {
                sentFeed.append(message, &afterwards)
                completion.succeed(&afterwards)
            }
        }
        try await completion.value()
    }

    func sendWithoutWaiting(_ message: WebSocketMessage) async throws -> Bool {
        try state.change { state, afterwards in
            if state.ending != nil || state.isClosing { throw Self.closedError }
            if let rejection = state.rejection { throw rejection }
            guard !state.holdsSends else { return false }
            sentFeed.append(message, &afterwards)
            return true
        }
    }

    func ping() async throws -> Duration {
        let completion = Completion<Duration>()
        state.change { state, afterwards in
            if state.ending != nil {
                completion.fail(Self.closedError, &afterwards)
                return
            }
            pingFeed.append((), &afterwards)
            if let answer = state.pingAnswer {
                completion.succeed(answer, &afterwards)
            } else {
                state.pings.append(completion)
            }
        }
        return try await completion.value()
    }

    func close(code: CloseCode, reason: String) async -> WebSocketClosure {
        let frame = CloseFrame(code: code, reason: reason)
        let completion = Completion<WebSocketClosure>()
        state.change { state, afterwards in
            if let closure = state.closure {
                completion.succeed(closure, &afterwards)
            } else if state.answersClose {
                let closure = WebSocketClosure(initiator: .local, sent: frame, received: CloseFrame(code: code))
                leaveUnseen(&state)
                end(&state, .lost(Self.closedError), closure: closure, &afterwards)
                completion.succeed(closure, &afterwards)
            } else {
                state.isClosing = true
                state.closeWaiters.append(completion)
                // The messages under way are refused from here on, as by a connection that is closing.
                failSends(&state, &afterwards)
            }
        }
        do {
            return try await completion.value()
        } catch {
            // Cancelled: without the peer's answer the connection can only be aborted.
            abort()
            return WebSocketClosure(initiator: .local, sent: frame, received: nil)
        }
    }

    func abort() {
        state.change { state, afterwards in
            guard state.closure == nil else { return }
            state.wasAborted = true
            leaveUnseen(&state)
            end(
                &state, .lost(Self.closedError),
                closure: WebSocketClosure(initiator: .connectionLoss, sent: nil, received: nil), &afterwards)
        }
    }

    func ended() async throws -> WebSocketClosure {
        try await untilEnded { try await $0.value() }
    }

    func ended(within limit: Duration?) async throws -> WebSocketClosure {
        try await untilEnded { ended in
            try await ended.value(within: limit) { "until the connection has ended; \(self.stateInWords)" }
        }
    }

    private func untilEnded(
        _ wait: (Completion<WebSocketClosure>) async throws -> WebSocketClosure
    ) async throws -> WebSocketClosure {
        let completion = Completion<WebSocketClosure>()
        state.change { state, afterwards in
            if let closure = state.closure {
                completion.succeed(closure, &afterwards)
            } else {
                state.endWaiters.append(completion)
            }
        }
        defer { state.withLock { $0.endWaiters.removeAll { $0 === completion } } }
        return try await wait(completion)
    }

    var closure: WebSocketClosure? { state.withLock(\.closure) }
    var closeError: (any Error)? { state.withLock(\.closeError) }
    var bytesReceived: UInt64 { state.withLock(\.bytesReceived) }

    // MARK: For tests

    var wasAborted: Bool { state.withLock(\.wasAborted) }
    var unreadCount: Int { state.withLock { $0.inbound.reduce(0) { $0 + $1.count } } }
    var unseenCount: Int { state.withLock(\.unseenCount) }
    var endWaiterCount: Int { state.withLock(\.endWaiters.count) }
    var heldSendCount: Int { state.withLock { $0.held.count { !$0.completion.isComplete } } }

    var stateInWords: String { closure.map { "the connection has ended: \($0)" } ?? "the connection is open" }

    func waitUntilRead(within limit: Duration?) async throws {
        let read = Completion<Void>()
        state.change { state, afterwards in
            let isWaiting = state.reader.map { !$0.isComplete } ?? false
            if state.ending != nil || (state.inbound.isEmpty && isWaiting) {
                read.succeed(&afterwards)
            } else {
                state.readWatchers.append(read)
            }
        }
        try await read.value(within: limit) {
            "until the client has read everything; \(self.unreadCount.counted("message")) left to be read, and it asks for none"
        }
    }

    // MARK: The end

    func end(
        _ state: inout State, _ ending: Ending, closure: WebSocketClosure, _ afterwards: inout Afterwards
    ) {
        state.ending = ending
        state.closure = closure
        switch ending {
        case .closed: state.reader.take()?.succeed(nil, &afterwards)
        case .lost(let error): state.reader.take()?.fail(error, &afterwards)
        }
        failSends(&state, &afterwards)
        for ping in state.pings { ping.fail(Self.closedError, &afterwards) }
        for waiter in state.closeWaiters + state.endWaiters { waiter.succeed(closure, &afterwards) }
        for watcher in state.readWatchers { watcher.succeed(&afterwards) }
        state.pings = []
        state.closeWaiters = []
        state.endWaiters = []
        state.readWatchers = []
    }

    private func leaveUnseen(_ state: inout State) {
        state.unseenCount += state.inbound.reduce(0) { $0 + $1.count }
        state.inbound = []
    }

    private func failSends(_ state: inout State, _ afterwards: inout Afterwards) {
        while let held = state.held.popFirst() { held.completion.fail(Self.closedError, &afterwards) }
    }

    private static let closedError = WebSocketError(
        .connectionClosed, stage: .open, message: "the scripted connection is closing or closed")
}

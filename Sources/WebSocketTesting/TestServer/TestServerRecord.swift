internal import Synchronization
internal import LibWebSockets
internal import WebSocketService

/// A record of what a ``TestServer`` has seen, and of the faults that it is to have; it stays when the server is stopped
/// and started again.
final class TestServerRecord: Sendable {
    private static let memoryLimit = 4 << 20
    private static let messageLimit = 10_000
    private static let requestLimit = 10_000

    private struct State {
        var faults = TestServer.Faults()
        var refusals: (count: Int, decision: WebSocketServer.Decision)?
        var sockets: [UInt64: WebSocket] = [:]
        var lastID: UInt64 = 0
        var messages: [WebSocketMessage] = []
        var messageCount = 0
        var memory = 0
        var requests: [WebSocketServer.Request] = []
        var waiters: [UInt64: (count: Int, arrived: Completion<Void>)] = [:]

        mutating func makeID() -> UInt64 {
            lastID += 1
            return lastID
        }
    }

    private let state = Lock(State())
    private let decision: @Sendable (WebSocketServer.Request) -> WebSocketServer.Decision

    init(decide: @escaping @Sendable (WebSocketServer.Request) -> WebSocketServer.Decision) { decision = decide }

    var faults: TestServer.Faults { state.withLock { $0.faults } }
    var sockets: [WebSocket] { state.withLock { state in state.sockets.sorted { $0.key < $1.key }.map(\.value) } }
    var messages: [WebSocketMessage] { state.withLock { $0.messages } }
    var messageCount: Int { state.withLock { $0.messageCount } }
    var requests: [WebSocketServer.Request] { state.withLock { $0.requests } }

    // MARK: - Connections

    /// For a new connection, on the loop's thread.
    var connectionFaults: ConnectionFaults {
        var made = ConnectionFaults()
        Self.apply(faults, to: &made)
        made.received = { [weak self] in self?.note($0) }
        return made
    }

    private static func apply(_ faults: TestServer.Faults, to connection: inout ConnectionFaults) {
        connection.readsNothing = faults.readsNothing
        connection.ignoresPings = faults.ignoresPings
        connection.delay = max(faults.delay, .zero).bounded
    }

    func add(_ socket: WebSocket) async -> UInt64 {
        let id = state.withLock { state in
            let id = state.makeID()
            state.sockets[id] = socket
            return id
        }
        // They may have changed since the connection was made.
        await apply(to: socket)
        return id
    }

    func remove(_ id: UInt64) { _ = state.withLock { $0.sockets.removeValue(forKey: id) } }

    func changeFaults(_ change: (inout TestServer.Faults) -> Void) async {
        let sockets = state.withLock { state in
            change(&state.faults)
            return Array(state.sockets.values)
        }
        for socket in sockets { await apply(to: socket) }
    }

    /// Looks at the faults when it is the connection's turn, so that the last change is the one that counts.
    private func apply(to socket: WebSocket) async {
        await socket.changeFaults { [self] in Self.apply(faults, to: &$0) }
    }

    // MARK: - Requests

    func refuse(_ count: Int, with decision: WebSocketServer.Decision) {
        state.withLock { $0.refusals = count > 0 ? (count, decision) : nil }
    }

    func decide(_ request: WebSocketServer.Request) -> WebSocketServer.Decision {
        let refusal: WebSocketServer.Decision? = state.withLock { state in
            if state.requests.count < Self.requestLimit { state.requests.append(request) }
            guard let (count, decision) = state.refusals else { return nil }
            state.refusals = count > 1 ? (count - 1, decision) : nil
            return decision
        }
        return refusal ?? decision(request)
    }

    // MARK: - Messages

    private func note(_ messages: [WebSocketMessage]) {
        let ready = state.withLock { state in
            state.messageCount += messages.count
            for message in messages {
                // The first ones, without a gap.
                guard state.messages.count < Self.messageLimit,
                    state.memory + message.payload.count <= Self.memoryLimit
                else {
                    state.memory = Self.memoryLimit
                    break
                }
                state.memory += message.payload.count
                // A copy: a message may be a slice of a larger buffer, which would be kept.
                state.messages.append(
                    message.text.map { .text($0) } ?? .binary(Array(message.payload)))
            }
            let count = state.messageCount
            let ready = state.waiters.filter { $0.value.count <= count }
            for id in ready.keys { state.waiters[id] = nil }
            return ready.values
        }
        for waiter in ready { waiter.arrived.succeed() }
    }

    func messages(atLeast count: Int, within limit: Duration?) async throws -> [WebSocketMessage] {
        let arrived = Completion<Void>()
        let id = state.withLock { state in
            let id = state.makeID()
            if state.messageCount < count { state.waiters[id] = (count, arrived) } else { arrived.succeed() }
            return id
        }
        defer { state.withLock { _ = $0.waiters.removeValue(forKey: id) } }
        try await arrived.value(within: limit) { [self] in
            "for \(count.counted("message")); there were \(WaitTimedOut.list(messages.map(MessageSummary.init)))"
        }
        return messages
    }
}

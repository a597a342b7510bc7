import WebSocketService

/// The other side of a session: a service that connects, or a server and its clients.
protocol Counterpart: Sendable {
    /// Hands a message over; waits while there is no room for it.
    ///
    /// - Returns: The reason why it will not be sent; `nil` when it was handed over.
    func send(_ message: WebSocketMessage) async throws -> String?
    func reconnectNow()
    /// Ends everything in good order.
    ///
    /// - Parameter sendingFirst: Gives messages that were handed over a while yet to go out.
    /// - Returns: The number of messages that were handed over and never sent.
    func stop(sendingFirst: Bool, code: CloseCode, reason: String) async -> Int
}

/// A service that connects.
struct Connecting: Counterpart {
    let service: SocketService

    func send(_ message: WebSocketMessage) async throws -> String? {
        switch try await service.send(message) {
        case .sent, .queued: return nil
        case .dropped(.closed): return "not sent, there is no connection"
        case .dropped(let reason): return "not sent: \(reason)"
        }
    }

    func reconnectNow() { service.reconnectNow() }

    func stop(sendingFirst: Bool, code: CloseCode, reason: String) async -> Int {
        let neverSent =
            sendingFirst
            ? await service.shutDown(code: code, reason: reason) : await service.stop(code: code, reason: reason)
        return neverSent.count
    }
}

/// The clients of `--listen`: each gets every message, and one that reads slowly delays the next message to the others.
final class Clients: Counterpart {
    private let sockets = Lock<[ObjectIdentifier: WebSocket]>([:])
    private let server = Lock<WebSocketServer?>(nil)

    func listens(_ server: WebSocketServer) { self.server.withLock { $0 = server } }
    func add(_ socket: WebSocket) { sockets.withLock { $0[ObjectIdentifier(socket)] = socket } }
    func remove(_ socket: WebSocket) { _ = sockets.withLock { $0.removeValue(forKey: ObjectIdentifier(socket)) } }

    func send(_ message: WebSocketMessage) async throws -> String? {
        let sockets = sockets.withLock { Array($0.values) }
        guard !sockets.isEmpty else { return "not sent, there is no client" }
        // A client that goes away in this moment tells so itself.
        for socket in sockets { try? await socket.send(message) }
        return nil
    }

    func reconnectNow() {}

    func stop(sendingFirst: Bool, code: CloseCode, reason: String) async -> Int {
        let sockets = sockets.withLock { Array($0.values) }
        await withTaskGroup(of: Void.self) { group in
            for socket in sockets { group.addTask { _ = await socket.close(code: code, reason: reason) } }
        }
        await server.withLock { $0 }?.stop()
        return 0
    }
}

import Synchronization
import WebSocketService

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

import WebSocketService

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

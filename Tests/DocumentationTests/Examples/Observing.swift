import WebSocketService

enum Observing {
    static func events(service: SocketService) async {
        for await event in service.events {
            switch event {
            case .connecting(let attempt, let url): print("attempt \(attempt): \(url)")
            case .open(let handshake): print("open, status \(handshake.status.code)")
            case .failed(let failure): print(failure)
            case .closed(let end): print("closed: \(end.code)")
            case .waiting(let delay, let attempt): print("attempt \(attempt) in \(delay)")
            case .gaveUp(let attempts, let lastError): print("gave up after \(attempts): \(lastError)")
            default: break
            }
        }
    }
}

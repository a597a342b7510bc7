import WebSocketService

/// A call that may have to wait, and what it comes to in words.
enum ServiceCall: CaseIterable {
    case send, request

    func make(over service: SocketService) async -> String {
        do {
            switch self {
            case .send: return "\(try await service.send("x"))"
            case .request: return try await service.request(message: .text(#"{"id":"q"}"#)).text ?? ""
            }
        } catch {
            return (error as? SocketServiceError).map { "\($0.code)" } ?? "\(error)"
        }
    }
}

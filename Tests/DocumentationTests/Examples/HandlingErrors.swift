import LibWebSockets

enum HandlingErrors {
    static func connect(url: String) async throws {
        do {
            let socket = try await WebSocket.connect(to: url)
            await socket.close()
        } catch let error as WebSocketError {
            switch error.code {
            case .upgradeRefused:
                print(error.refusal?.status.code ?? 0, error.refusal?.retryAfter ?? .zero)
            case .tlsFailed:
                print(error.tlsFailure?.reason ?? .other)
            case .timedOut:
                print("no answer while \(error.stage)")
            default:
                print(error.message)
            }
        }
    }
}

import WebSocketService

enum SendingAndTheQueue {
    static func limits() {
        let queue = QueuePolicy(
            limit: 10_000, byteLimit: 64 << 20, overflow: .suspend, timeToLive: .seconds(300))
        let service = SocketService("wss://feed.example.com/stream", queue: queue)
        _ = service
    }

    static func delivery(service: SocketService, position: some Encodable, order: some Encodable) async throws {
        try await service.send(position, delivery: .volatile)
        try await service.send(order, delivery: .expiring(after: .seconds(30)))
    }

    static func pieces(service: SocketService, file: AsyncStream<[UInt8]>) async throws {
        let outcome = try await service.sendMessage(.binary) { writer in
            for try await chunk in file { try await writer.write(chunk) }
        }
        _ = outcome
    }
}

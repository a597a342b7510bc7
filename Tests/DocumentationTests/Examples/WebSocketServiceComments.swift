import Logging
import WebSocketService

// The examples in the comments of WebSocketService's sources.

enum WebSocketServiceComments {
    struct MapData: Decodable, Sendable {
        var value: String
    }

    struct Subscribe: Encodable {
        var topic: String
    }

    static func ownAuthority(logger: Logger) {
        let service = SocketService(
            "wss://feed.example.com/stream",
            trustRoots: .system.adding(.pemFile("/etc/example/ca.pem")),
            logger: logger)
        _ = service
    }

    static func messages(service: SocketService) async {
        for await message in service.messages { print(message.text ?? "") }
    }

    static func service(draw: @escaping @Sendable (MapData) async -> Void) async throws {
        let service = SocketService("wss://feed.example.com/stream")
        service.register("mapData", as: MapData.self) { data in await draw(data) }
        service.onOpen { [weak service] _ in try await service?.send(Subscribe(topic: "mapData")) }
        try await service.start()
        // Until it is no longer needed:
        await service.stop()
    }
}

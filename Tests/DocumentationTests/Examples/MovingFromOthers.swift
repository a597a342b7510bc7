import Logging
import WebSocketService

enum MovingFromWSClient {
    static func followOnce(logger: Logger) async throws {
        func followOnce(logger: Logger) async throws {
            let socket = try await WebSocket.connect(
                to: "wss://feed.example.com/stream",
                configuration: WebSocketConfiguration(
                    maximumMessageSize: 1 << 20, pingInterval: .seconds(30), logger: logger))
            try await socket.send("subscribe")
            for try await message in socket.messages {
                logger.info("\(message.text ?? "")")
            }
        }
        func follow(logger: Logger) async throws {
            let service = SocketService(
                "wss://feed.example.com/stream", options: SocketService.Options(logger: logger))
            service.onOpen { [weak service] _ in try await service?.send("subscribe") }
            service.onMessage { message in logger.info("\(message.text ?? "")") }
            try await service.run()
        }
        try await followOnce(logger: logger)
        try await follow(logger: logger)
    }
}

enum MovingFromNIO {
    static func examples() async throws {
        func followFeed() async throws {
            let service = SocketService("wss://feed.example.com/stream")
            service.onMessage { message in print(message.text ?? "") }
            try await service.run()
        }
        func followOneConnection() async throws {
            let socket = try await WebSocket.connect(to: "wss://feed.example.com/stream")
            for try await message in socket.messages { print(message.text ?? "") }
        }
        try await followFeed()
        try await followOneConnection()
    }
}

enum MovingFromURLSession {
    static func examples() async throws {
        func follow() async throws {
            let service = SocketService(
                "wss://feed.example.com/stream", trustRoots: .pemFile("/etc/example/ca.pem"))
            service.onOpen { [weak service] _ in try await service?.send("subscribe") }
            service.onMessage { message in print(message.text ?? "") }
            try await service.run()
        }
        try await follow()
    }
}

enum MovingFromStarscream {
    static func examples() async throws {
        func follow() async throws {
            let service = SocketService("wss://feed.example.com/stream", headers: [.authorization: "Bearer 42"])
            service.onOpen { [weak service] _ in try await service?.send("subscribe") }
            service.onMessage { message in print(message.text ?? "") }
            service.onClose { end in print("closed: \(end)") }
            service.onError { error in print("failed: \(error)") }
            try await service.run()
        }
        try await follow()
    }
}

enum MovingFromWebSocketKit {
    static func examples() async throws {
        func follow() async throws {
            let service = SocketService(
                "wss://feed.example.com/stream", headers: [.authorization: "Bearer 42"],
                trustRoots: .pemFile("/etc/example/ca.pem"), heartbeat: .ping(every: .seconds(30)))
            service.onOpen { [weak service] _ in try await service?.send("subscribe") }
            service.onMessage { [weak service] message in
                print(message.text ?? "")
                if message.text == "bye" { await service?.stop() }
            }
            try await service.run()
        }
        try await follow()
    }
}

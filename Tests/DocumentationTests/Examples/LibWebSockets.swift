import LibWebSockets

enum LibWebSocketsPage {
    static func overview() async throws {
        let socket = try await WebSocket.connect(to: "wss://feed.example.com/stream")
        try await socket.send("hello")
        for try await message in socket.messages {
            print(message.text ?? "\(message.payload.count) bytes")
        }
    }
}

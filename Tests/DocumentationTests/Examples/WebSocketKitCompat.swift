import WebSocketKitCompat

enum WebSocketKitCompatExamples {
    static func examples(on group: any EventLoopGroup) async throws {
        func greet() async throws {
            try await WebSocket.connect(to: "wss://feed.example.com/stream") { socket in
                socket.onText { socket, text in print(text) }
                try? await socket.send("hello")
            }
        }
        func follow(on group: any EventLoopGroup) async throws {
            var configuration = WebSocketClient.Configuration()
            configuration.tlsConfiguration = .makeClientConfiguration()
            configuration.tlsConfiguration?.trustRoots = .file("/etc/example/ca.pem")
            try await WebSocket.connect(
                to: "wss://feed.example.com/stream", headers: ["Authorization": "Bearer 42"],
                configuration: configuration, on: group
            ) { socket in
                socket.pingInterval = .seconds(30)
                socket.onText { socket, text in
                    print(text)
                    if text == "bye" { try? await socket.close(code: .normalClosure) }
                }
                try? await socket.send("subscribe")
            }
        }
        try await greet()
        try await follow(on: group)
    }

    static func reconnecting(configuration: inout WebSocketClient.Configuration) {
        configuration.options.reconnects = .persistent
    }
}

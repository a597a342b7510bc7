import LibWebSockets

// The examples in the comments of LibWebSockets' sources.

enum LibWebSocketsComments {
    static func webSocket() async throws {
        let socket = try await WebSocket.connect(to: "wss://feed.example.com/stream")
        try await socket.send("hello")
        for try await message in socket.messages {
            print(message.text ?? "\(message.payload.count) bytes")
        }
        let closure = await socket.close()
        _ = closure
    }

    static func receive(_ socket: WebSocket) async throws {
        try await socket.send("hello")
        let answer = try await socket.receive()
        _ = answer
    }

    struct Subscribe: Encodable {
        var topic: String
    }

    struct Answer: Decodable {}

    static func json(_ socket: WebSocket) async throws {
        try await socket.send(json: Subscribe(topic: "mapData"))
        let answer = try await socket.receive(json: Answer.self)
        _ = answer
    }

    static func configuration(token: String) {
        let configuration = WebSocketConfiguration(
            headers: [.authorization: "Bearer \(token)"],
            tls: TLSClientConfiguration(trustRoots: .pemFile("/etc/example/ca.pem")))
        _ = configuration
    }

    static func revocationLists() {
        let tls = TLSClientConfiguration(
            trustRoots: .pemFile("/etc/example/ca.pem"),
            revocationLists: RevocationLists([.pemFile("/var/lib/example/crl.pem")], checking: .leafOnly))
        _ = tls
    }

    static func socketLoopGroup(url: String) async throws {
        let group = SocketLoopGroup(count: 4)
        let socket = try await WebSocket.connect(to: url, on: group.next())
        _ = socket
    }

    static func server() async throws {
        let server = try await WebSocketServer.start { socket, request in
            for try await message in socket.messages {
                try await socket.send(message)
            }
        }
        print(server.url)
        await server.stop()
    }
}

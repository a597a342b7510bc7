import LibWebSockets

enum GettingStarted {
    static func connect(token: String) async throws {
        let socket = try await WebSocket.connect(
            to: "wss://feed.example.com/stream",
            configuration: WebSocketConfiguration(
                headers: [.authorization: "Bearer \(token)"],
                subprotocols: ["v2.feed", "v1.feed"],
                connectTimeout: .seconds(5)))
        print(socket.handshake.subprotocol ?? "the server chose no subprotocol")
    }

    static func endpoint() async throws {
        let endpoint = try Endpoint(base: "https://www.example.com/app", path: "/live/prices")
        let socket = try await WebSocket.connect(to: endpoint)
        _ = socket
    }

    static func send(socket: WebSocket) async throws {
        try await socket.send(#"{"subscribe":"prices"}"#)
        try await socket.send([0x01, 0x02] as [UInt8])
        try await socket.sendMessage(.text) { writer in
            try await writer.write("a message in ")
            try await writer.write("two pieces")
        }
    }

    struct Subscribe: Encodable {
        var topic: String
    }

    struct Answer: Decodable {}

    static func json(socket: WebSocket) async throws {
        try await socket.send(json: Subscribe(topic: "prices"))
        let answer = try await socket.receive(json: Answer.self)
        _ = answer
    }

    static func receive(socket: WebSocket) async throws {
        for try await message in socket.messages {
            switch message.kind {
            case .text: print(message.text ?? "")
            case .binary: print(message.payload.count)
            }
        }
    }

    static func answer(socket: WebSocket) async throws {
        try await socket.send("status")
        let answer = try await socket.receive()
        print(answer?.text ?? "the connection has ended")
    }

    static func pings() {
        let configuration = WebSocketConfiguration(pingInterval: .seconds(20), pingTimeout: .seconds(10))
        _ = configuration
    }

    static func look(socket: WebSocket) throws {
        print("\(socket.remoteAddress): \(socket.statistics)")
        print("\(socket.statistics.networkBytesSent) bytes on the network")
        let isSent = try socket.trySend(.text("tick"))
        _ = isSent
    }

    static func callbacks(socket: WebSocket) {
        socket.receive { message in
            print(message.text ?? "")
        } onClose: { closure, error in
            print("closed: \(closure.code), \(error?.message ?? "in good order")")
        }
    }

    static func pingAndClose(socket: WebSocket) async throws {
        let roundTrip = try await socket.ping()
        let closure = await socket.close(code: .normalClosure, reason: "done")
        print("\(roundTrip), the server said \(closure.code)")
    }
}

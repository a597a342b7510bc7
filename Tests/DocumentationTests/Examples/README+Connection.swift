import LibWebSockets

func echo(token: String) async throws {
    let socket = try await WebSocket.connect(
        to: "wss://feed.example.com/stream",
        configuration: WebSocketConfiguration(
            headers: [.authorization: "Bearer \(token)"],
            subprotocols: ["v2.feed"],
            tls: TLSClientConfiguration(trustRoots: .pemFile("/etc/example/ca.pem"))))
    try await socket.send("hello")  // suspends while too much waits for the network
    for try await message in socket.messages {  // not iterating stops reading
        print(message.text ?? "\(message.payload.count) bytes")
        if message.text == "bye" { break }
    }
    let roundTrip = try await socket.ping()
    let closure = await socket.close(code: .normalClosure, reason: "done")
    print("\(roundTrip), \(closure.code)")
}

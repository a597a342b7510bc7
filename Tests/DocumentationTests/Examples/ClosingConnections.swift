import LibWebSockets

enum ClosingConnections {
    static func close(socket: WebSocket) async {
        let closure = await socket.close(code: .goingAway, reason: "shutting down")
        if closure.code == .abnormalClosure { print("the server did not answer the close frame") }
    }

    static func wait(socket: WebSocket) async throws {
        let closure = try await socket.closed()
        print("\(closure.code) \(closure.reason)")
    }
}

import LibWebSockets

enum SocketLoops {
    static func group(url: String) async throws {
        let group = SocketLoopGroup(count: 4)
        let socket = try await WebSocket.connect(to: url, on: group.next())
        _ = socket
    }

    static func executor(socket: WebSocket, handle: @Sendable (WebSocketMessage) -> Void) async {
        await withTaskExecutorPreference(SocketLoop.shared) {
            do {
                for try await message in socket.messages { handle(message) }
            } catch {
                print(error)
            }
        }
    }
}

package import LibWebSockets

/// One connection of ``WebSocketTransport``.
package struct WebSocketConnection: SocketConnection {
    package let socket: WebSocket
    let socketLoop: SocketLoop

    package var taskExecutor: (any TaskExecutor)? { socketLoop }
    package var handshake: HandshakeResponse { socket.handshake }
    package var tls: TLSConnectionInfo? { socket.tls }
    package var remoteAddress: String? { socket.remoteAddress }
    package var closure: WebSocketClosure? { socket.closure }
    package var closeError: (any Error)? { socket.closeError }
    package var bytesReceived: UInt64 { socket.statistics.networkBytesReceived }

    package func nextMessages() async throws -> [WebSocketMessage]? { try await socket.nextMessages() }
    package func send(_ message: WebSocketMessage) async throws { try await socket.send(message) }
    package func sendWithoutWaiting(_ message: WebSocketMessage) async throws -> Bool {
        try socket.trySend(message)
    }
    package func beginMessage(_ kind: WebSocketMessage.Kind) async throws -> any MessageInPieces {
        try await socket.beginMessage(kind)
    }
    package func ping() async throws -> Duration { try await socket.ping() }
    package func close(code: CloseCode, reason: String) async -> WebSocketClosure {
        await socket.close(code: code, reason: reason)
    }
    package func abort() { socket.abort() }
    package func ended() async throws -> WebSocketClosure { try await socket.closed() }
}

import LibWebSockets

enum BackPressure {
    static func copy(socket: WebSocket) async throws -> [[UInt8]] {
        var kept: [[UInt8]] = []
        for try await message in socket.messages {
            kept.append(Array(message.payload))
        }
        return kept
    }

    static func stream(socket: WebSocket, file: AsyncThrowingStream<[UInt8], any Error>) async throws {
        try await socket.sendMessage(.binary) { writer in
            for try await chunk in file { try await writer.write(chunk) }
        }
    }
}

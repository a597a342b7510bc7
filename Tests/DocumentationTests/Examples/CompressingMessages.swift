import LibWebSockets

enum CompressingMessages {
    static func options() {
        let off = WebSocketConfiguration(compression: .disabled)
        let small = WebSocketConfiguration(
            compression: .deflate(
                WebSocketCompression.DeflateOptions(contextTakeover: false, threshold: 1_024)))
        _ = (off, small)
    }

    static func agreed(socket: WebSocket) -> Bool {
        let isCompressed = socket.handshake.extensions.contains { $0.name == "permessage-deflate" }
        return isCompressed
    }
}

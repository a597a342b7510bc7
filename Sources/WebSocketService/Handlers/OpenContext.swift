/// What an `onOpen` handler is told.
public struct OpenContext: Sendable {
    /// The server's answer to the opening handshake.
    public let handshake: HandshakeResponse
    /// The server's URL.
    public let url: String
    /// Whether there was an open connection before, so that subscriptions have to be renewed.
    public let isReconnect: Bool
}

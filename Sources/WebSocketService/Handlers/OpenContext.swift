/// The facts that an `onOpen` handler is told.
public struct OpenContext: Sendable {
    /// The server's answer to the opening handshake.
    public let handshake: HandshakeResponse
    /// The server's URL.
    public let url: String
    /// A connection was open before this one, so that subscriptions have to be renewed.
    public let isReconnect: Bool
}

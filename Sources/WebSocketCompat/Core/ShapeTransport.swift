internal import LibWebSockets
internal import Logging
internal import WebSocketService

/// The library's own transport, which tells a shape of each connection it makes: a shape pings and sends on the connection
/// itself.
struct ShapeTransport: SocketTransport {
    let base: WebSocketTransport
    let connected: @Sendable (WebSocket) -> Void

    func connect(to request: ConnectRequest) async throws -> any SocketConnection {
        told(try await base.connect(to: request))
    }

    func connect(to request: ConnectRequest, logger: Logger) async throws -> any SocketConnection {
        told(try await base.connect(to: request, logger: logger))
    }

    func validate(_ request: ConnectRequest) throws {
        try base.validate(request)
    }

    private func told(_ connection: any SocketConnection) -> any SocketConnection {
        if let connection = connection as? WebSocketConnection { connected(connection.socket) }
        return connection
    }
}

public import LibWebSockets
public import Logging

/// The library's own transport: each connection is a `WebSocket`.
public struct WebSocketTransport: SocketTransport {
    /// The settings of every connection.
    ///
    /// A request's headers (those given to ``SocketService``, or by the closure that makes the requests) are added to its
    /// headers, and replace those of the same name. The connections of a service log to the service's logger,
    /// ``SocketService/Options/logger``, and not to the one here.
    public var configuration: WebSocketConfiguration
    /// The loop that carries the connections.
    public var socketLoop: SocketLoop

    /// A transport whose connections are all made alike, on one loop.
    public init(configuration: WebSocketConfiguration = WebSocketConfiguration(), socketLoop: SocketLoop = .shared) {
        self.configuration = configuration
        self.socketLoop = socketLoop
    }

    public func connect(to request: ConnectRequest) async throws -> any SocketConnection {
        try await connect(to: request, configuration(for: request))
    }

    public func connect(to request: ConnectRequest, logger: Logger) async throws -> any SocketConnection {
        var configuration = configuration(for: request)
        configuration.logger = logger
        return try await connect(to: request, configuration)
    }

    private func connect(
        to request: ConnectRequest, _ configuration: WebSocketConfiguration
    ) async throws -> any SocketConnection {
        let socket = try await WebSocket.connect(to: request.url, configuration: configuration, on: socketLoop)
        socket.endMessagesAtOnce()
        return WebSocketConnection(socket: socket, socketLoop: socketLoop)
    }

    public func validate(_ request: ConnectRequest) throws {
        try WebSocket.validate(request.url, configuration: configuration(for: request))
    }

    private func configuration(for request: ConnectRequest) -> WebSocketConfiguration {
        var configuration = configuration
        for name in Set(request.headers.map(\.name)) {
            configuration.headers[fields: name] = request.headers[fields: name]
        }
        return configuration
    }
}

extension OutgoingMessage: MessageInPieces {}

import WebSocketTesting

@testable import LibWebSockets

/// Runs `body` with a connection to a server that follows `script`, on a loop of its own.
func withFaultServer(
    _ script: [FaultServer.Step], security: Security = .plain, configuration: WebSocketConfiguration = .init(),
    _ body: (FaultServer, WebSocket) async throws -> Void
) async throws {
    try await withFaultServer(listening: script, security: security, configuration: configuration) { server, connect in
        try await body(server, try await connect())
    }
}

/// Runs `body` with a server that follows `script` on each connection, and with a way to connect to it.
func withFaultServer(
    listening script: [FaultServer.Step], security: Security = .plain, configuration: WebSocketConfiguration = .init(),
    _ body: (FaultServer, @Sendable () async throws -> WebSocket) async throws -> Void
) async throws {
    let server = try FaultServer(tls: try security.faultServer, scripts: [script])
    let loop = SocketLoop.forTest()
    var configuration = configuration
    configuration.tls = try security.client
    let result: Result<Void, any Error>
    do {
        result = .success(
            try await body(server) { [configuration, url = server.url()] in
                try await WebSocket.connect(to: url, configuration: configuration, on: loop)
            })
    } catch {
        result = .failure(error)
    }
    await loop.shutDown()
    server.stop()
    try result.get()
}

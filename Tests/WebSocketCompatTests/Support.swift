import Logging
import Foundation
import LibWebSockets
import Testing
import WebSocketCompat
import WebSocketTesting

/// Runs `body` with a server over wss, on a loop of its own.
func withServer(
    handler: @escaping WebSocketServer.Handler = TestServer.echo,
    configuration: WebSocketServer.Configuration = WebSocketServer.Configuration(),
    _ body: (TestServer) async throws -> Void
) async throws {
    let loop = SocketLoop()
    let server = try await TestServer.start(configuration: configuration, on: loop, handler: handler)
    do {
        try await body(server)
    } catch {
        await server.kill()
        await loop.shutDown()
        throw error
    }
    await server.kill()
    await loop.shutDown()
}

extension TestServer {
    /// Options of a client that trusts it.
    var options: WebSocketCompatOptions {
        var options = WebSocketCompatOptions()
        options.connection.tls = clientTLS
        options.connection.logger.logLevel = .critical
        options.connection.connectTimeout = .seconds(60)
        options.connection.closeTimeout = .seconds(2)
        return options
    }

    /// As ``options``, connecting again soon.
    var reconnectingOptions: WebSocketCompatOptions {
        var options = options
        options.reconnects = .exponential(initial: .milliseconds(5), maximum: .milliseconds(50))
        return options
    }

    var address: URL { URL(string: url) ?? URL(filePath: "/") }
}

/// Sends what it is told to, then echoes.
func greeting(_ messages: WebSocketMessage...) -> WebSocketServer.Handler {
    { socket, _ in
        for message in messages { try await socket.send(message) }
        for try await message in socket.messages { try await socket.send(message) }
    }
}

/// Closes each connection with a code, at the first message or at once.
func closing(_ code: UInt16, _ reason: String = "", afterMessage: Bool = false) -> WebSocketServer.Handler {
    { socket, _ in
        if afterMessage { _ = try await socket.receive() }
        await socket.close(code: CloseCode(rawValue: code), reason: reason)
    }
}

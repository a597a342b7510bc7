import Testing
import WebSocketTesting

@testable import LibWebSockets

/// With TLS or without: what is tested must not depend on it.
enum Security: String, CaseIterable, Codable, Sendable, CustomTestStringConvertible {
    case plain, tls

    var testDescription: String { rawValue }

    private static let authority = Result { try CertificateAuthority() }
    private static let certificate = Result {
        try authority.get().issue(names: ["localhost"], ipAddresses: ["127.0.0.1", "::1"])
    }

    var server: TLSServerConfiguration? {
        get throws {
            self == .plain ? nil : TLSServerConfiguration(identity: try Self.certificate.get().identity)
        }
    }

    var client: TLSClientConfiguration {
        get throws {
            self == .plain
                ? TLSClientConfiguration()
                : TLSClientConfiguration(trustRoots: .pem(try Self.authority.get().certificatePEM))
        }
    }

    var faultServer: FaultServer.TLS? {
        get throws {
            guard self == .tls else { return nil }
            let certificate = try Self.certificate.get()
            return FaultServer.TLS(
                certificateChain: certificate.certificateChainPEM, privateKey: certificate.privateKeyPEM)
        }
    }
}

/// A running server with a loop for it and one for its clients. Neither is shared with another test.
struct ServerPair: Sendable {
    let server: WebSocketServer
    let serverLoop: SocketLoop
    let clientLoop: SocketLoop
    /// The configuration that the clients use unless told otherwise.
    let configuration: WebSocketConfiguration
    /// The server's ends of the connections, when no handler serves them.
    let accepted: Relay<WebSocket>

    func connect(path: String = "/", configuration: WebSocketConfiguration? = nil) async throws -> WebSocket {
        try await WebSocket.connect(
            to: server.url + path, configuration: configuration ?? self.configuration, on: clientLoop)
    }

    /// Both ends of one new connection.
    func connectPair() async throws -> (client: WebSocket, server: WebSocket) {
        let client = try await connect()
        return (client, try await accepted.take())
    }

    /// Sends everything back as it comes.
    static let echo: WebSocketServer.Handler = { socket, _ in
        for try await message in socket.messages { try await socket.send(message) }
    }
}

/// Runs `body` with a server, and ends the server and its loops whatever happens.
///
/// - Parameter handler: Without one, ``ServerPair/accepted`` hands the connections to the test.
func withServer<Value>(
    _ security: Security = .plain,
    configuration: WebSocketServer.Configuration = .init(),
    client: WebSocketConfiguration = .init(),
    handler: WebSocketServer.Handler? = nil,
    _ body: (ServerPair) async throws -> Value
) async throws -> Value {
    var configuration = configuration
    configuration.tls = try security.server
    var client = client
    client.tls = try security.client
    let accepted = Relay<WebSocket>()
    let (serverLoop, clientLoop) = (SocketLoop.forTest(), SocketLoop.forTest())
    let server = try await WebSocketServer.start(
        configuration: configuration, on: serverLoop,
        handler: handler ?? { socket, _ in
            accepted.give(socket)
            // Until the server ends it.
            try await Task.sleep(for: .seconds(86_400))
        })
    let pair = ServerPair(
        server: server, serverLoop: serverLoop, clientLoop: clientLoop, configuration: client, accepted: accepted)
    let result: Result<Value, any Error>
    do {
        result = .success(try await body(pair))
    } catch {
        result = .failure(error)
    }
    await server.kill()
    await clientLoop.shutDown()
    await serverLoop.shutDown()
    return try result.get()
}

extension WebSocket {
    /// The next messages, exactly `count` of them.
    func receive(_ count: Int) async throws -> [WebSocketMessage] {
        var received: [WebSocketMessage] = []
        guard count > 0 else { return received }
        for try await message in messages {
            received.append(message)
            if received.count == count { break }
        }
        return received
    }

    /// Everything up to the end.
    func receiveAll() async throws -> [WebSocketMessage] {
        try await messages.reduce(into: []) { $0.append($1) }
    }
}

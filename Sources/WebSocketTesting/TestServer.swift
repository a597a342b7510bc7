public import LibWebSockets

/// A real server for tests, in this process: `wss:` with a certificate of a throw-away authority, on a port of its own,
/// which it keeps when it is stopped and started again.
///
/// ```swift
/// let server = try await TestServer.start { socket, _ in
///     for try await message in socket.messages { try await socket.send(message) }
/// }
/// let socket = try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
/// await server.kill()         // connections are dropped as by a crash
/// try await server.restart()  // on the same port
/// await server.stop()
/// ```
public final class TestServer: Sendable {
    /// The authority that has signed the server's certificate.
    public let authority: CertificateAuthority
    /// The port, which stays the same.
    public let port: Int
    private let configuration: WebSocketServer.Configuration
    private let handler: WebSocketServer.Handler
    private let socketLoop: SocketLoop
    private let server: Lock<WebSocketServer?>

    /// Starts a server on 127.0.0.1 whose certificate is for `localhost`, 127.0.0.1 and ::1.
    ///
    /// - Parameters:
    ///   - isSecure: `wss:`; else `ws:`.
    ///   - configuration: How it behaves. Its TLS configuration, where it has none, is made from `certificate`.
    ///   - certificate: Makes the server's certificate, such as a wrong one, from the authority.
    ///   - socketLoop: The loop that carries it.
    ///   - handler: Serves each connection.
    public static func start(
        isSecure: Bool = true,
        configuration: WebSocketServer.Configuration = WebSocketServer.Configuration(),
        certificate: (CertificateAuthority) throws -> IssuedCertificate = {
            try $0.issue(names: ["localhost"], ipAddresses: ["127.0.0.1", "::1"])
        },
        on socketLoop: SocketLoop = .shared,
        handler: @escaping WebSocketServer.Handler
    ) async throws -> TestServer {
        let authority = try CertificateAuthority(commonName: "Throw-away test authority")
        var configuration = configuration
        if isSecure, configuration.tls == nil {
            configuration.tls = TLSServerConfiguration(identity: try certificate(authority).identity)
        }
        let server = try await WebSocketServer.start(configuration: configuration, on: socketLoop, handler: handler)
        configuration.port = server.port
        return TestServer(
            authority: authority, configuration: configuration, socketLoop: socketLoop, server: server, handler: handler
        )
    }

    private init(
        authority: CertificateAuthority, configuration: WebSocketServer.Configuration, socketLoop: SocketLoop,
        server: WebSocketServer, handler: @escaping WebSocketServer.Handler
    ) {
        self.authority = authority
        self.configuration = configuration
        self.socketLoop = socketLoop
        self.handler = handler
        port = server.port
        self.server = Lock(server)
    }

    /// Where clients reach it, by name: `wss://localhost:4711`.
    public var url: String {
        "\(configuration.tls == nil ? "ws" : "wss")://localhost:\(port)"
    }

    /// What a client needs to trust the server, and nothing else.
    public var clientTLS: TLSClientConfiguration {
        TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM))
    }

    /// A client's configuration with ``clientTLS``, else with the defaults.
    public var clientConfiguration: WebSocketConfiguration {
        WebSocketConfiguration(tls: clientTLS)
    }

    /// How many connections are open.
    public var connectionCount: Int {
        server.withLock { $0?.connectionCount ?? 0 }
    }

    /// Sends a message to every open connection, without waiting; see `WebSocketServer.broadcast(_:slowClients:)`.
    ///
    /// - Returns: How many open connections the message was not sent to.
    @discardableResult
    public func broadcast(_ message: WebSocketMessage, slowClients: WebSocketServer.SlowClientRule = .skip) -> Int {
        server.withLock { $0 }?.broadcast(message, slowClients: slowClients) ?? 0
    }

    /// Closes every connection with 1001 and stops listening.
    public func stop() async {
        await take()?.stop()
    }

    /// Drops every connection without a close frame, as a process that dies does, and stops listening.
    public func kill() async {
        await take()?.kill()
    }

    /// Starts again on the same port, with the same certificate.
    ///
    /// - Throws: `WebSocketError` when something else has taken the port.
    public func restart() async throws {
        await stop()
        let fresh = try await WebSocketServer.start(configuration: configuration, on: socketLoop, handler: handler)
        server.withLock { $0 = fresh }
    }

    private func take() -> WebSocketServer? {
        server.withLock { server in
            defer { server = nil }
            return server
        }
    }
}

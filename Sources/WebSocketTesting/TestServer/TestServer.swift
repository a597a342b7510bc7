internal import Synchronization
public import LibWebSockets

/// A real server for tests, in this process: `wss:` with a certificate of a throw-away authority, on a port of its own,
/// which it keeps when it is stopped and started again.
///
/// ```swift
/// let server = try await TestServer.start { socket, _ in
///     for try await message in socket.messages { try await socket.send(message) }
/// }
/// let socket = try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
/// await server.kill()         // connections are aborted as by a crash
/// try await server.restart()  // on the same port
/// await server.stop()
/// ```
///
/// Two servers never meet, nor does one find its port taken when it comes back: on Linux the port is kept for as long as the
/// server exists, on both loopback addresses that `localhost` may lead to.
public final class TestServer: Sendable {
    /// The authority that has signed the server's certificate.
    public let authority: CertificateAuthority
    /// The port, which stays the same.
    public let port: Int
    private let configuration: Lock<WebSocketServer.Configuration>
    private let handler: WebSocketServer.Handler
    private let socketLoop: SocketLoop
    private let server: Lock<WebSocketServer?>
    private let clientIdentity: TLSIdentity?
    private let reservations: [LoopbackReservation]
    let record: TestServerRecord

    /// Starts a server on 127.0.0.1 whose certificate is for `localhost`, 127.0.0.1 and ::1.
    ///
    /// - Parameters:
    ///   - isSecure: `wss:`; else `ws:`.
    ///   - configuration: The settings of the server. Its TLS configuration, where it has none, is made from what follows.
    ///   - certificate: Makes the server's certificate, such as a wrong one, from the authority.
    ///   - minimumVersion: The oldest version of TLS to accept.
    ///   - maximumVersion: The newest version of TLS to accept; `nil` for what OpenSSL has.
    ///   - requiresClientCertificate: Demands a certificate of the authority's from clients. ``clientTLS`` has one.
    ///   - socketLoop: The loop that carries it.
    ///   - handler: Serves each connection.
    public static func start(
        isSecure: Bool = true,
        configuration: WebSocketServer.Configuration = WebSocketServer.Configuration(),
        certificate: (CertificateAuthority) throws -> IssuedCertificate = {
            try $0.issue(names: ["localhost"], ipAddresses: ["127.0.0.1", "::1"])
        },
        minimumVersion: TLSProtocolVersion = .tls12,
        maximumVersion: TLSProtocolVersion? = nil,
        requiresClientCertificate: Bool = false,
        on socketLoop: SocketLoop = .shared,
        handler: @escaping WebSocketServer.Handler
    ) async throws -> TestServer {
        let authority = try CertificateAuthority(commonName: "Throw-away test authority")
        var configuration = configuration
        if isSecure, configuration.tls == nil {
            configuration.tls = TLSServerConfiguration(
                identity: try certificate(authority).identity,
                clientCertificates: requiresClientCertificate ? .required(.pem(authority.certificatePEM)) : .none,
                minimumVersion: minimumVersion, maximumVersion: maximumVersion)
        }
        let client =
            requiresClientCertificate
            ? try authority.issue(commonName: "Throw-away test client", purpose: .client).identity : nil
        // A caller that chooses a port or an address knows who else is there.
        let reservations =
            configuration.port == 0 && configuration.host == "127.0.0.1" ? LoopbackReservation.ofServer() ?? [] : []
        if let reserved = reservations.first { configuration.port = Int(reserved.port) }
        let record = TestServerRecord(decide: configuration.decide)
        configuration.decide = { record.decide($0) }
        configuration.faults = { record.connectionFaults }
        let recorded: WebSocketServer.Handler = { socket, request in
            let id = await record.add(socket)
            defer { record.remove(id) }
            try await handler(socket, request)
        }
        let server = try await WebSocketServer.start(configuration: configuration, on: socketLoop, handler: recorded)
        configuration.port = server.port
        return TestServer(
            authority: authority, configuration: configuration, socketLoop: socketLoop, server: server,
            clientIdentity: client, reservations: reservations, record: record, handler: recorded)
    }

    private init(
        authority: CertificateAuthority, configuration: WebSocketServer.Configuration, socketLoop: SocketLoop,
        server: WebSocketServer, clientIdentity: TLSIdentity?, reservations: [LoopbackReservation],
        record: TestServerRecord, handler: @escaping WebSocketServer.Handler
    ) {
        self.authority = authority
        self.configuration = Lock(configuration)
        self.socketLoop = socketLoop
        self.clientIdentity = clientIdentity
        self.reservations = reservations
        self.record = record
        self.handler = handler
        port = server.port
        self.server = Lock(server)
    }

    /// The URL at which clients reach the server, by name: `wss://localhost:4711`.
    public var url: String {
        "\(configuration.withLock { $0.tls == nil } ? "ws" : "wss")://localhost:\(port)"
    }

    /// The settings that a client needs to trust the server, and nothing else; with a certificate to show, where the server
    /// demands one.
    public var clientTLS: TLSClientConfiguration {
        TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM), clientIdentity: clientIdentity)
    }

    /// A client's configuration with ``clientTLS``, else with the defaults.
    public var clientConfiguration: WebSocketConfiguration {
        WebSocketConfiguration(tls: clientTLS)
    }

    /// The number of open connections.
    public var connectionCount: Int {
        server.withLock { $0?.connectionCount ?? 0 }
    }

    /// Sends a message to every open connection, without waiting; see `WebSocketServer.broadcast(_:slowClients:)`.
    ///
    /// - Returns: The number of open connections that the message was not sent to.
    @discardableResult
    public func broadcast(_ message: WebSocketMessage, slowClients: WebSocketServer.SlowClientRule = .skip) -> Int {
        server.withLock { $0 }?.broadcast(message, slowClients: slowClients) ?? 0
    }

    /// Closes every connection with 1001 and stops listening.
    public func stop() async {
        await take()?.stop()
    }

    /// Aborts every connection, without a close frame, as a process that dies does, and stops listening.
    public func kill() async {
        await take()?.kill()
    }

    /// Starts again on the same port, with the same certificate.
    ///
    /// - Throws: `WebSocketError` when something else has taken the port.
    public func restart() async throws {
        await stop()
        try await startAgain()
    }

    /// Starts again on the same port, with another certificate. A server without TLS stays without.
    ///
    /// - Parameter certificate: Makes the certificate from the authority.
    /// - Throws: As ``restart()``; what `certificate` throws, the server running on then.
    public func restart(certificate: (CertificateAuthority) throws -> IssuedCertificate) async throws {
        let identity = try certificate(authority).identity
        await stop()
        configuration.withLock { $0.tls?.identity = identity }
        try await startAgain()
    }

    private func startAgain() async throws {
        let current = configuration.withLock { $0 }
        let fresh = try await WebSocketServer.start(configuration: current, on: socketLoop, handler: handler)
        server.withLock { $0 = fresh }
    }

    private func take() -> WebSocketServer? {
        server.withLock { server in
            defer { server = nil }
            return server
        }
    }
}

extension TestServer {
    /// Starts a server that sends every message back; otherwise as
    /// ``start(isSecure:configuration:certificate:minimumVersion:maximumVersion:requiresClientCertificate:on:handler:)``.
    public static func start(
        isSecure: Bool = true,
        configuration: WebSocketServer.Configuration = WebSocketServer.Configuration(),
        certificate: (CertificateAuthority) throws -> IssuedCertificate = {
            try $0.issue(names: ["localhost"], ipAddresses: ["127.0.0.1", "::1"])
        },
        minimumVersion: TLSProtocolVersion = .tls12,
        maximumVersion: TLSProtocolVersion? = nil,
        requiresClientCertificate: Bool = false,
        on socketLoop: SocketLoop = .shared
    ) async throws -> TestServer {
        try await start(
            isSecure: isSecure, configuration: configuration, certificate: certificate, minimumVersion: minimumVersion,
            maximumVersion: maximumVersion, requiresClientCertificate: requiresClientCertificate, on: socketLoop,
            handler: echo)
    }

    /// A handler that sends every message back.
    public static let echo: WebSocketServer.Handler = { socket, _ in
        for try await message in socket.messages { try await socket.send(message) }
    }

    /// A handler that answers by a table: to each text that it has, with the messages that stand beside it, in their order.
    /// Other messages get no answer.
    public static func replying(_ replies: [String: [WebSocketMessage]]) -> WebSocketServer.Handler {
        { socket, _ in
            for try await message in socket.messages {
                for reply in message.text.flatMap({ replies[$0] }) ?? [] { try await socket.send(reply) }
            }
        }
    }
}

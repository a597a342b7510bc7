import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// A fault of a server, or of what is taken for one, before the connection is open.
struct ConnectFault: Sendable, CustomTestStringConvertible {
    let name: String
    let script: [FaultServer.Step]
    /// The use of TLS by the server, and by the client.
    var server = Security.plain
    var client = Security.plain
    let code: WebSocketError.Code
    let stage: WebSocketError.Stage
    /// The words that the text must have.
    let words: [String]

    var testDescription: String { name }

    /// With this, what should not be waited for must not be waited for.
    static let patient = WebSocketConfiguration(connectTimeout: .seconds(86_400))
    static let impatient = WebSocketConfiguration(connectTimeout: .milliseconds(200))

    static let hint = "If this port expects TLS, connect with wss:."

    /// Makes an attempt that fails, and checks that its socket is gone.
    @discardableResult
    static func failure(
        of script: [FaultServer.Step], server serverSecurity: Security = .plain, client: Security? = nil,
        configuration: WebSocketConfiguration = .init()
    ) async throws -> WebSocketError {
        let server = try FaultServer(tls: try serverSecurity.faultServer, scripts: [script])
        defer { server.stop() }
        return try await failure(
            connectingTo: (client ?? serverSecurity) == .tls
                ? "wss://127.0.0.1:\(server.port)/" : "ws://127.0.0.1:\(server.port)/",
            port: Int(server.port), configuration: configuration)
    }

    static func failure(
        connectingTo url: String, port: Int, configuration: WebSocketConfiguration = .init()
    ) async throws -> WebSocketError {
        var configuration = configuration
        configuration.tls = try Security.tls.client
        let loop = SocketLoop.forTest()
        var failure: (any Error)?
        do {
            _ = try await WebSocket.connect(to: url, configuration: configuration, on: loop)
        } catch {
            failure = error
        }
        try await eventually("the failed attempt keeps its socket") { OpenSockets.connected(to: port) == 0 }
        await loop.shutDown()
        return try #require(failure as? WebSocketError)
    }

    func check(_ error: WebSocketError) {
        #expect(error.code == code)
        #expect(error.stage == stage)
        for words in words { #expect(error.message.contains(words), "\(error.message)") }
        #expect(error.message.contains("127.0.0.1:"), "it does not name the server: \(error.message)")
        if code == .connectionLost, stage == .upgrade {
            #expect(error.message.hasSuffix(Self.hint) == (client == .plain), "\(error.message)")
        }
    }
}

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif
public import WebSocketProtocol

extension WebSocket {
    /// Connects to a server and opens a WebSocket.
    ///
    /// - Parameters:
    ///   - url: A `ws:` or `wss:` URL; see ``Endpoint``.
    ///   - configuration: Headers, TLS, limits and deadlines.
    ///   - socketLoop: The loop that carries the connection.
    /// - Throws: ``WebSocketError``, whose ``WebSocketError/stage`` says how far it came; `CancellationError` as soon as
    ///   the task is cancelled. Nothing is left behind in either case.
    public static func connect(
        to url: String,
        configuration: WebSocketConfiguration = WebSocketConfiguration(),
        on socketLoop: SocketLoop = .shared
    ) async throws -> WebSocket {
        try await connect(to: endpoint(url), configuration: configuration, on: socketLoop)
    }

    /// Connects to a server and opens a WebSocket; as ``connect(to:configuration:on:)-(String,_,_)``.
    public static func connect(
        to url: URL,
        configuration: WebSocketConfiguration = WebSocketConfiguration(),
        on socketLoop: SocketLoop = .shared
    ) async throws -> WebSocket {
        try await connect(to: url.absoluteString, configuration: configuration, on: socketLoop)
    }

    /// Connects to a server and opens a WebSocket; as ``connect(to:configuration:on:)-(String,_,_)``.
    public static func connect(
        to endpoint: Endpoint,
        configuration: WebSocketConfiguration = WebSocketConfiguration(),
        on socketLoop: SocketLoop = .shared
    ) async throws -> WebSocket {
        try configuration.validate()
        var endpoint = endpoint
        var configuration = configuration
        let start = ContinuousClock.now
        var plan = try ConnectAttempt.Plan(endpoint: endpoint, configuration: configuration)
        while true {
            do {
                let rest = configuration.connectTimeout - start.duration(to: .now)
                return try await ConnectAttempt.run(plan, within: rest, on: socketLoop)
            } catch let error as WebSocketError {
                guard
                    configuration.redirects.limit > 0, error.code == .upgradeRefused, let refusal = error.refusal,
                    let redirect = try Redirect(refusal, from: endpoint)
                else { throw error }
                configuration = configuration.redirected(by: redirect, from: endpoint)
                do {
                    plan = try ConnectAttempt.Plan(endpoint: redirect.endpoint, configuration: configuration)
                } catch {
                    // The server's doing, and not the program's.
                    throw Redirect.refused(refusal, by: endpoint, because: error.message)
                }
                endpoint = redirect.endpoint
            }
        }
    }

    /// Checks what ``connect(to:configuration:on:)-(String,_,_)`` checks before anything is sent: the URL, headers and
    /// subprotocols, limits, and that TLS files can be read and used.
    ///
    /// - Throws: ``WebSocketError`` with `invalidConfiguration`.
    public static func validate(
        _ url: String, configuration: WebSocketConfiguration = WebSocketConfiguration()
    ) throws(WebSocketError) {
        try configuration.validate()
        _ = try ConnectAttempt.Plan(endpoint: endpoint(url), configuration: configuration).readFiles()
    }

    private static func endpoint(_ url: String) throws(WebSocketError) -> Endpoint {
        do {
            return try Endpoint(url)
        } catch {
            throw WebSocketError(.invalidConfiguration, stage: .configuration, message: error.message)
        }
    }
}

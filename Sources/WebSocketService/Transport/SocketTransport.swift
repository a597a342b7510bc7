public import Logging

/// The source of a ``SocketService``'s connections.
///
/// The library's own transport is ``WebSocketTransport``. Another one puts the same policies over another client, or
/// over the scripted transport of `WebSocketTesting`.
public protocol SocketTransport: Sendable {
    /// Makes one attempt to connect, whose deadline is the transport's own.
    ///
    /// Cancelling the task abandons the attempt and leaves nothing behind.
    ///
    /// - Throws: A `WebSocketError` wherever possible: a reconnect policy reads the refusal's status, the
    ///   `Retry-After` and the failed TLS check from it.
    func connect(to request: ConnectRequest) async throws -> any SocketConnection

    /// Makes one attempt as ``connect(to:)`` does, with the logger that it and its connection log to. The logger carries the
    /// service's name.
    ///
    /// The service calls this one. There is an implementation by ``connect(to:)``, for transports that do not log.
    func connect(to request: ConnectRequest, logger: Logger) async throws -> any SocketConnection

    /// Checks that a request could be attempted, before anything is sent.
    ///
    /// - Throws: `WebSocketError` with the code `invalidConfiguration`.
    func validate(_ request: ConnectRequest) throws
}

extension SocketTransport {
    public func connect(to request: ConnectRequest, logger: Logger) async throws -> any SocketConnection {
        try await connect(to: request)
    }
}

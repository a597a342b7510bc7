public import HTTPTypes

/// The server's answer to a successful opening handshake (RFC 6455 section 4.2.2), whole.
public struct HandshakeResponse: Hashable, Sendable {
    /// 101 Switching Protocols.
    public let status: HTTPResponse.Status
    /// The response's headers, all of them.
    public let headers: HTTPFields
    /// The subprotocol the server chose among those that were offered; `nil` when it chose none.
    public let subprotocol: String?
    /// The extensions the server agreed to, each of them offered, in the order in which they apply.
    public let extensions: [WebSocketExtension]

    /// Makes a response: for transports of your own, and for tests.
    public init(
        status: HTTPResponse.Status = .switchingProtocols,
        headers: HTTPFields,
        subprotocol: String? = nil,
        extensions: [WebSocketExtension] = []
    ) {
        self.status = status
        self.headers = headers
        self.subprotocol = subprotocol
        self.extensions = extensions
    }
}

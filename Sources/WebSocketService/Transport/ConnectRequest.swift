public import HTTPTypes

/// The request of one connection attempt.
public struct ConnectRequest: Hashable, Sendable {
    /// The server's URL, `ws:` or `wss:` (RFC 6455 section 3).
    public var url: String
    /// Headers added to the opening handshake, such as `Authorization`.
    public var headers: HTTPFields

    /// A request for a URL, which is checked when it is used.
    public init(url: String, headers: HTTPFields = [:]) {
        self.url = url
        self.headers = headers
    }

    /// A request for an endpoint. Its credentials become the `Authorization` header unless there is one.
    public init(_ endpoint: Endpoint, headers: HTTPFields = [:]) {
        self.init(url: endpoint.description, headers: headers)
        if let credentials = endpoint.credentials, headers[.authorization] == nil {
            self.headers[.authorization] = credentials.basicAuthorization
        }
    }
}

/// The head of a server's answer that refuses the upgrade.
public struct HTTPResponseHead: Sendable {
    /// The status.
    public let status: HTTPResponseStatus
    /// The headers.
    public let headers: HTTPHeaders
}

/// A status of HTTP.
public struct HTTPResponseStatus: Hashable, Sendable {
    /// The number, 100 to 599.
    public let code: UInt
    /// The words beside the code.
    public let reasonPhrase: String
}

/// The reason why a URL cannot be used: which part of it is wrong, and where.
public struct InvalidEndpoint: Error, Hashable, CustomStringConvertible {
    /// A description of the fault. Never holds credentials.
    public let message: String

    /// The same as ``message``.
    public var description: String { message }

    init(_ message: String) {
        self.message = message
    }
}

/// Why a URL cannot be used: which part of it is wrong, and where.
public struct InvalidEndpoint: Error, Hashable, CustomStringConvertible {
    /// What is wrong. Never holds credentials.
    public let message: String

    /// The same as ``message``.
    public var description: String { message }

    init(_ message: String) {
        self.message = message
    }
}

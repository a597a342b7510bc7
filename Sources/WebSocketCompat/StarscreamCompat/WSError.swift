/// A failure of the protocol, with the close code that the server was told.
public struct WSError: Error, Sendable {
    /// The kind of failure.
    public let type: ErrorType
    /// A description of the failure.
    public let message: String
    /// The close code.
    public let code: UInt16

    /// Makes an error.
    public init(type: ErrorType, message: String, code: UInt16) {
        self.type = type
        self.message = message
        self.code = code
    }
}

/// An exception that the standard's methods throw.
public struct BrowserException: Error, Hashable, Sendable, CustomStringConvertible {
    /// The exception's name in Web IDL.
    public enum Name: String, Sendable {
        /// A URL or a subprotocol is none, or a reason is too long.
        case syntaxError = "SyntaxError"
        /// A code must not be used.
        case invalidAccessError = "InvalidAccessError"
        /// Nothing can be sent yet.
        case invalidStateError = "InvalidStateError"
    }

    /// The exception's name.
    public let name: Name
    /// A description of the fault.
    public let message: String

    public var description: String { "\(name.rawValue): \(message)" }
}

/// The kind of a ``WSError``.
public enum ErrorType: Error, Sendable {
    /// A message could not be compressed or inflated.
    case compressionError
    /// The server could not prove who it is.
    case securityError
    /// The server broke RFC 6455.
    case protocolError
    /// The server failed.
    case serverError
}

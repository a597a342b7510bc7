/// The metadata keys that a service logs under.
public enum LoggingKeys {
    /// The name of the service.
    public static let service = "websocket.service"
    /// The server's URL, without its query, which may hold a token.
    public static let url = "websocket.url"
    /// The number of the attempt, from 1 for the first in a row.
    public static let attempt = "websocket.attempt"
    /// The time until the next attempt.
    public static let delay = "websocket.delay"
    /// The time for which a connection was open, or for which there was none.
    public static let duration = "websocket.duration"
    /// The version of TLS that a connection uses.
    public static let tls = "websocket.tls"
    /// The reason why an attempt failed or a connection ended.
    public static let failure = "websocket.failure"
    /// The close code and reason.
    public static let closeCode = "websocket.close.code"
    /// The route of a message.
    public static let route = "websocket.route"
    /// The reason why a message was dropped.
    public static let dropReason = "websocket.drop.reason"
    /// A number of messages.
    public static let count = "websocket.count"
    /// An error.
    public static let error = "websocket.error"
}

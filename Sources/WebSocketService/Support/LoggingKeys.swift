/// The metadata keys that a service logs under.
public enum LoggingKeys {
    /// The name of the service.
    public static let service = "websocket.service"
    /// The server's URL, without its query, which may hold a token.
    public static let url = "websocket.url"
    /// Which attempt in a row it is, from 1.
    public static let attempt = "websocket.attempt"
    /// How long until the next attempt.
    public static let delay = "websocket.delay"
    /// How long a connection was open, or how long there was none.
    public static let duration = "websocket.duration"
    /// The version of TLS that a connection uses.
    public static let tls = "websocket.tls"
    /// Why an attempt failed or a connection ended.
    public static let failure = "websocket.failure"
    /// The close code and reason.
    public static let closeCode = "websocket.close.code"
    /// The route of a message.
    public static let route = "websocket.route"
    /// Why a message was dropped.
    public static let dropReason = "websocket.drop.reason"
    /// A number of messages.
    public static let count = "websocket.count"
    /// An error.
    public static let error = "websocket.error"
}

import WebSocketService

/// Something to tell, whatever it will look like.
enum Notice: Hashable, Sendable {
    case listening(String)
    /// Connected to a URL, or a client has connected from an address.
    case opened(String, subprotocol: String?)
    case message(WebSocketMessage, route: String?)
    case roundTrip(Duration)
    case closed(CloseCode, reason: String)
    case clientLeft(String, CloseCode)
    case failed(String, EndStatus)
    case waiting(Duration, attempt: Int)
    case notSent(String)
    case end(EndStatus, Counts)
}

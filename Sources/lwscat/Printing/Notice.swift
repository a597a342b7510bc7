import WebSocketService

/// Something to tell, whatever it will look like.
enum Notice: Hashable, Sendable {
    case listening(String)
    /// Connected to a URL, or a client has connected from an address.
    case opened(String, subprotocol: String?)
    /// The peer is a client's address, with `--listen`.
    case message(WebSocketMessage, route: String?, peer: String? = nil)
    case roundTrip(Duration)
    case closed(CloseCode, reason: String)
    case clientLeft(String, CloseCode, reason: String)
    case failed(String, EndStatus, hint: String? = nil)
    case waiting(Duration, attempt: Int)
    case notSent(String)
    case end(EndStatus, Counts)
}

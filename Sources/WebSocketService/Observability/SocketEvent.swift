/// An event in the life of a service, beside the messages.
public enum SocketEvent: Sendable {
    /// An attempt begins. Its number counts those in a row, from 1; the URL is as it was given, with whatever secret its query
    /// holds.
    case connecting(attempt: Int, url: String)
    /// The connection is open.
    case open(HandshakeResponse)
    /// An attempt failed, or an open connection ended without this side asking for it.
    case failed(ConnectionFailure)
    /// The connection that was open has ended.
    case closed(ConnectionEnd)
    /// The next attempt, of this number, begins after the delay.
    case waiting(Duration, attempt: Int)
    /// No further attempt will be made, unless ``SocketService/start(waitingForOpen:)`` or
    /// ``SocketService/reconnectNow()`` asks for it.
    case gaveUp(attempts: Int, lastError: ConnectionFailure)
    /// A heartbeat was answered.
    case roundTrip(Duration)
    /// A queued message will not be sent. ``SocketService/onDropped(_:)`` gives the message itself.
    case dropped(MessageSummary, DropReason)
    /// No handler is registered for the route of this message, or it has none. Of a route longer than 256 bytes this is the
    /// beginning. ``SocketService/onUnhandled(_:)`` gives the message itself.
    case unhandled(MessageSummary, route: String?)
    /// A message does not decode as its handler's type, a handler threw, or the app's heartbeat could not be made.
    case error(SocketServiceError)
    /// Paused: connections are neither kept nor made.
    case paused
    /// Stopped: the last event.
    ///
    /// - Parameter unseen: How many received messages no handler has seen, as far as they were read when everything had
    ///   ended or ``SocketService/Options/closeTimeout`` had passed.
    case stopped(unseen: Int)
}

extension SocketEvent {
    /// The peer chooses the route, and its length up to that of a message.
    static let longestRoute = 256

    static func unhandled(_ message: WebSocketMessage, route: String?) -> SocketEvent {
        let route = route.map { MessageSummary.beginning(of: $0.utf8, limit: longestRoute) }
        return .unhandled(MessageSummary(message), route: route)
    }

    static func dropped(_ message: WebSocketMessage, _ reason: DropReason) -> SocketEvent {
        .dropped(MessageSummary(message), reason)
    }
}

extension SocketEvent: CustomStringConvertible {
    /// A sentence: `attempt 3 begins in 2.1 s`. A URL is shown without its query, which may hold a secret.
    public var description: String {
        switch self {
        case .connecting(let attempt, let url):
            "connecting to \(ConnectRequest(url: url).loggableURL) (attempt \(attempt))"
        case .open(let handshake):
            "the connection is open\(handshake.subprotocol.map { ", subprotocol \($0)" } ?? "")"
        case .failed(let failure): "\(failure)"
        case .closed(let end): "the connection has ended: \(end)"
        case .waiting(let delay, let attempt): "attempt \(attempt) begins in \(delay.words)"
        case .gaveUp(let attempts, let lastError):
            "gave up after \(attempts.counted("attempt")): \(lastError)"
        case .roundTrip(let time): "a heartbeat was answered after \(time.words)"
        case .dropped(let message, let reason): "dropped \(message): \(reason)"
        case .unhandled(let message, let route):
            route.map { "no handler for the route \"\($0.visible(limit: 200))\": \(message)" }
                ?? "no route found in \(message)"
        case .error(let error): "\(error)"
        case .paused: "paused"
        case .stopped(let unseen):
            unseen == 0
                ? "stopped"
                : "stopped, with \(unseen.counted("message")) that no handler has seen"
        }
    }
}

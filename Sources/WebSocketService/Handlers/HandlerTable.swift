internal import LibWebSockets

/// The handlers and hooks of a service, as a value that a dispatcher copies.
struct HandlerTable: Sendable {
    struct Unhandled: Sendable {
        let message: WebSocketMessage
        let route: String?
    }

    struct Undecodable: Sendable {
        let message: WebSocketMessage
        let error: SocketServiceError
    }

    var registry = CallbackRegistry()
    var open: [Callback<OpenContext>] = []
    var message: [Callback<WebSocketMessage>] = []
    var close: [Callback<ConnectionEnd>] = []
    var error: [Callback<SocketServiceError>] = []
    var unhandled: [Callback<Unhandled>] = []
    var decodeFailure: [Callback<Undecodable>] = []
    var dropped: [DropHook] = []
    /// Loops over all messages.
    var loops: [MessageHandoff] = []
    /// Loops over the messages of a route, which they get by its handlers; here to end with the service.
    var routeLoops: [MessageHandoff] = []
    /// The service has ended.
    var isReleased = false

    var allLoops: [MessageHandoff] { loops + routeLoops }
}

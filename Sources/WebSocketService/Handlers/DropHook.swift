internal import LibWebSockets

/// A hook that is called where a message is dropped, not in the order of the handlers.
final class DropHook: Sendable {
    let body: @Sendable (WebSocketMessage, DropReason) -> Void

    init(_ body: @escaping @Sendable (WebSocketMessage, DropReason) -> Void) {
        self.body = body
    }
}

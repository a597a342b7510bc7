/// The rule that tells which handlers a message is for, and which request it answers. It is called in the service's tasks, but
/// for ``correlated(_:proposedID:)``, which is called in the task that makes the request, with its task-local values.
public protocol MessageRouter: Sendable {
    /// The route of a message; `nil` when it has none, which makes it an unhandled one.
    ///
    /// Called once for each message, and once more while a request waits for its answer. It is on the path of every byte: it
    /// should not decode what it does not need, and must not block, since nothing can cut it off.
    func route(of message: WebSocketMessage) -> String?

    /// Returns the ID that the peer copied from the request that this message answers; `nil` when it is no answer.
    func correlationID(of message: WebSocketMessage) -> String?

    /// Tells whether a message asks for something rather than answers: a peer's own request may carry the ID that one of
    /// this side's has.
    func isRequest(_ message: WebSocketMessage) -> Bool

    /// The request with a correlation ID in it, and that ID: the one it already has, or else the proposed one.
    ///
    /// - Returns: `nil` when the message cannot carry one.
    func correlated(_ request: WebSocketMessage, proposedID: UInt64) -> (message: WebSocketMessage, id: String)?
}

extension MessageRouter {
    /// Returns `nil`: no message is the answer to a particular request. Requests can still be answered by route.
    public func correlationID(of message: WebSocketMessage) -> String? { nil }

    /// Returns `false`: every message with a correlation ID may be an answer.
    public func isRequest(_ message: WebSocketMessage) -> Bool { false }

    public func correlated(
        _ request: WebSocketMessage, proposedID: UInt64
    ) -> (message: WebSocketMessage, id: String)? { nil }
}

import WebSocketService

/// The other side of a session: a service that connects, or a server and its clients.
protocol Counterpart: Sendable {
    /// Hands a message over; waits while there is no room for it.
    ///
    /// - Returns: The reason why it will not be sent; `nil` when it was handed over.
    func send(_ message: WebSocketMessage) async throws -> String?
    func reconnectNow()
    /// Ends everything in good order.
    ///
    /// - Parameter sendingFirst: Gives messages that were handed over a while yet to go out.
    /// - Returns: The number of messages that were handed over and never sent.
    func stop(sendingFirst: Bool, code: CloseCode, reason: String) async -> Int
}

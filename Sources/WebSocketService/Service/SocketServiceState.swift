extension SocketService {
    /// Where in its life a service is, and what `send` does there.
    ///
    /// | state | `send` | `send` with ``Delivery/volatile`` |
    /// |---|---|---|
    /// | ``idle`` | queued | dropped: `notConnected` |
    /// | ``connecting`` | queued | dropped: `notConnected` |
    /// | ``open``, while `onOpen` handlers run or the queue drains | queued; suspends while the queue is full | dropped: `notConnected` |
    /// | ``open``, from within an `onOpen` handler | sent, ahead of the queue | sent |
    /// | ``open``, otherwise | sent; suspends above the connection's high-water mark | sent |
    /// | ``closing`` by ``SocketService/stop(code:reason:)`` | dropped: `closed` | dropped: `closed` |
    /// | ``closing`` by ``SocketService/pause(code:reason:)`` | queued | dropped: `notConnected` |
    /// | ``reconnecting`` | queued | dropped: `notConnected` |
    /// | ``closed`` | dropped: `closed` | dropped: `closed` |
    ///
    /// "Queued" is what the queue's limits and overflow rule make of it.
    public enum State: String, Hashable, Sendable, CaseIterable {
        /// Not started, or paused.
        case idle
        /// An attempt is under way.
        case connecting
        /// Connected.
        case open
        /// The close handshake is under way, because the service was stopped or paused.
        case closing
        /// Stopped, or given up.
        case closed
        /// Waiting before the next attempt.
        case reconnecting
    }
}

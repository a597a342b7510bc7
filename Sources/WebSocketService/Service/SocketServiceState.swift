extension SocketService {
    /// A state in the life of a service, which decides what `send` does.
    ///
    /// | who calls | ``idle``, ``connecting``, ``reconnecting``, ``closing`` by ``SocketService/pause(code:reason:)`` | ``open``, while `onOpen` handlers run | ``open``, while the queue drains | ``open``, otherwise | ``closing`` by ``SocketService/stop(code:reason:)``, ``closed`` |
    /// |---|---|---|---|---|---|
    /// | the app, outside of handlers | queued | queued | queued; suspends while the queue is full | sent; suspends above the connection's high-water mark | dropped: `closed` |
    /// | a handler, of whichever connection; `onClose`; the body of a loop over messages | queued; throws `queueFull` where it would suspend | queued; throws `queueFull` where it would suspend | queued; suspends while the queue is full and the connection stays | sent; suspends above the high-water mark, and throws `inboxFull` when nothing more is read | dropped: `closed` |
    /// | `onOpen` of the current connection | | sent, ahead of the queue | | | dropped: `closed` |
    /// | `onOpen` of a connection that has ended | dropped: `connectionEnded` | dropped: `connectionEnded` | dropped: `connectionEnded` | dropped: `connectionEnded` | dropped: `closed` |
    ///
    /// "Queued" is what the queue's limits and overflow rule make of it. A message with ``Delivery/volatile`` is dropped as
    /// `notConnected` where it would be queued or suspended. From the moment at which a connection refuses a message because it
    /// has ended, `send` does as in ``reconnecting``, whatever the state still says.
    ///
    /// A task that a handler started counts as that handler while the handler runs, and as outside from then on; a call
    /// counts as what it was when it began. A handler's `send` that would suspend throws `inboxFull` once
    /// ``Options/inboxByteLimit`` is reached, and nothing more is read; so does anybody's while a loop over messages holds
    /// a message.
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

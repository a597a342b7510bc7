/// The state of a message when `send` returned.
public enum SendOutcome: Hashable, Sendable {
    /// The connection has taken it.
    case sent
    /// It waits for the next connection. Should it be dropped after all, ``SocketService/onDropped(_:)`` and
    /// ``SocketEvent/dropped(_:_:)`` say so.
    case queued
    /// It will not be sent.
    case dropped(DropReason)
}

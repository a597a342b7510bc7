/// What became of a message when `send` returned.
public enum SendOutcome: Hashable, Sendable {
    /// The connection has taken it.
    case sent
    /// It waits for the next connection. Should it be dropped after all, ``SocketEvent/dropped(_:_:)`` says so.
    case queued
    /// It will not be sent.
    case dropped(DropReason)
}

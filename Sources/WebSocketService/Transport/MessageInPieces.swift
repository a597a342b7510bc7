/// A message that a ``SocketService`` hands to a connection in pieces. Used by one task at a time.
public protocol MessageInPieces: Sendable {
    /// Hands the next piece over, suspending while the connection's outbound queue is above its high-water mark.
    ///
    /// Cancelling the task ends a call that waits, with a `CancellationError`.
    func write(_ piece: [UInt8]) async throws

    /// Ends the message, after which others may follow.
    func finish() async throws

    /// Gives the message up, unless it has ended. The connection is closed where some of it has been sent, which cannot be
    /// taken back.
    func abandon()
}

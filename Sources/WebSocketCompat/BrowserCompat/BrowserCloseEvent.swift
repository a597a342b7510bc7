/// The end of a connection.
public struct BrowserCloseEvent: Hashable, Sendable {
    /// `close`.
    public let type = "close"
    /// Both sides have sent a close frame.
    public let wasClean: Bool
    /// The server's code; 1005 when it gave none, 1006 when there was no close frame, for whatever reason.
    public let code: UInt16
    /// The server's reason.
    public let reason: String
}

/// The end of a connection, or its opening, or a failure: an event without a value of its own.
public struct BrowserEvent: Sendable {
    /// `open` or `error`.
    public let type: String
}

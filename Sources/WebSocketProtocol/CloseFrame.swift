/// The content of one close frame (RFC 6455 section 5.5.1).
public struct CloseFrame: Hashable, Sendable {
    /// The status code; `nil` when the frame's body was empty.
    public var code: CloseCode?
    /// The reason, for people. At most 123 bytes of UTF-8.
    public var reason: String

    /// A frame as it is to be said; what may be sent is checked where it is sent.
    public init(code: CloseCode?, reason: String = "") {
        self.code = code
        self.reason = reason
    }
}

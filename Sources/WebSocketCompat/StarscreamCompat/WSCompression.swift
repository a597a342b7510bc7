/// The wish for permessage-deflate, which is offered anyway.
public final class WSCompression: CompressionHandler {
    /// Asks for what is the default.
    public init() {}
}

/// A report of libwebsockets' about one socket.
enum LoopSocketEvent {
    /// The TCP connection of a client stands.
    case connected
    /// The descriptor can be read; that may say that the connection has ended.
    case readable
    /// The descriptor takes bytes.
    case writable
    /// The connection could not be made, in libwebsockets' words.
    case failed(String)
    /// libwebsockets closes the descriptor.
    case closed
}

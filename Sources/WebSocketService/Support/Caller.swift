/// The caller of the service, as far as that decides what a call may wait for.
enum Caller: Hashable, Sendable {
    case outside
    /// A handler, or a loop over messages between two of them: what comes after it waits until it returns.
    case handler
    /// An `onOpen` handler of this connection.
    case onOpen(generation: UInt64)
}

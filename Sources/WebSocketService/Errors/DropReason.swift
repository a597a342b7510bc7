/// The reason why a message will not be sent.
public enum DropReason: String, Hashable, Sendable, CaseIterable {
    /// The queue was full.
    case queueFull
    /// The message alone is larger than the queue's limit on bytes.
    case largerThanQueue
    /// It waited longer than its time to live.
    case expired
    /// There is no connection that could take it now, and it is volatile.
    case notConnected
    /// The connection has ended whose `onOpen` handler sent it. The handlers of the next connection send their own.
    case connectionEnded
    /// The service is stopping, was stopped or gave up.
    case closed
    /// The connection refused this message although it is open.
    case rejected
}

extension DropReason: CustomStringConvertible {
    /// The reason as a clause: `the queue was full`.
    public var description: String {
        switch self {
        case .queueFull: "the queue was full"
        case .largerThanQueue: "it is larger than the queue's limit on bytes"
        case .expired: "it waited longer than its time to live"
        case .notConnected: "it is volatile, and there is no connection that could take it now"
        case .connectionEnded: "the connection that it was meant for has ended"
        case .closed: "the service is stopping, was stopped or gave up"
        case .rejected: "the connection refused it"
        }
    }
}

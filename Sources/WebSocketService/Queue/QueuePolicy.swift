/// How much a service keeps while it cannot send, and what gives way when that is full.
///
/// Delivery across a reconnect is at most once: a message that was handed to a connection is never sent again, even when
/// that connection is lost before the peer read it.
public struct QueuePolicy: Hashable, Sendable {
    /// What happens to a message that finds the queue full.
    ///
    /// This holds while there is no connection, and while `onOpen` handlers run. While a new connection drains the queue,
    /// `send` suspends until there is room, whatever the rule: nothing need be lost then.
    public enum Overflow: Hashable, Sendable, CaseIterable {
        /// The oldest messages give way to the new one.
        case dropOldest
        /// The new message is dropped.
        case dropNewest
        /// `send` throws ``SocketServiceError/Code/queueFull``.
        case fail
        /// `send` suspends until there is room. In a handler, and while a loop over messages holds one, which the next
        /// connection's `onOpen` would wait for, it throws ``SocketServiceError/Code/queueFull`` instead.
        case suspend
    }

    /// How many messages are kept; 0 or less keeps none, so that every `send` while down is dropped.
    public var limit: Int
    /// How many bytes of memory the messages may take that are kept; less than 0 counts as 0. Each message takes about 150
    /// bytes besides its payload.
    public var byteLimit: Int
    /// What happens to a message that finds the queue full.
    public var overflow: Overflow
    /// How long a message may wait before it is dropped; `nil` for ever. `send` may ask for less. With zero or less it expires
    /// at once where it would have to wait.
    public var timeToLive: Duration?

    /// - Parameters:
    ///   - limit: How many messages are kept. The default is 1,000.
    ///   - byteLimit: How many bytes of memory are kept. The default is 16 MiB.
    ///   - overflow: What happens to a message that finds the queue full. The default drops the oldest.
    ///   - timeToLive: How long a message may wait. The default is for ever.
    public init(
        limit: Int = 1_000,
        byteLimit: Int = 16 << 20,
        overflow: Overflow = .dropOldest,
        timeToLive: Duration? = nil
    ) {
        self.limit = max(limit, 0)
        self.byteLimit = max(byteLimit, 0)
        self.overflow = overflow
        self.timeToLive = timeToLive
    }
}

extension QueuePolicy {
    /// How long a message may wait.
    func timeToLive(of delivery: Delivery) -> Duration? {
        [timeToLive, delivery.timeToLive].compactMap { $0?.bounded }.min()
    }
}

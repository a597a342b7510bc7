/// The limits of what a service keeps while it cannot send, and the rule for a full queue.
///
/// Delivery across a reconnect is at most once: a message that was handed to a connection is never sent again, even when
/// that connection is lost before the peer read it.
public struct QueuePolicy: Hashable, Sendable {
    /// The treatment of a message that finds the queue full.
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

    /// The most messages to keep; 0 or less keeps none, so that every `send` while down is dropped.
    public var limit: Int
    /// The most bytes of memory that the kept messages may take; less than 0 counts as 0. Each message takes about 150
    /// bytes besides its payload.
    public var byteLimit: Int
    /// The treatment of a message that finds the queue full.
    public var overflow: Overflow
    /// The time that a message may wait before it is dropped; `nil` for ever. `send` may ask for less. With zero or less, a
    /// message expires at once where it would have to wait.
    public var timeToLive: Duration?

    /// Makes a policy.
    ///
    /// - Parameters:
    ///   - limit: The most messages to keep. The default is 1,000.
    ///   - byteLimit: The most bytes of memory to keep. The default is 16 MiB.
    ///   - overflow: The treatment of a message that finds the queue full. The default drops the oldest.
    ///   - timeToLive: The time that a message may wait. The default is for ever.
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
    /// Returns the time that a message may wait.
    func timeToLive(of delivery: Delivery) -> Duration? {
        [timeToLive, delivery.timeToLive].compactMap { $0?.bounded }.min()
    }
}

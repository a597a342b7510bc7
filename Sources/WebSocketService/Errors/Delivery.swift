/// The way in which one message may be delivered.
public struct Delivery: Hashable, Sendable {
    let mayBeQueued: Bool
    let timeToLive: Duration?

    /// Delivery at once, or from the queue as soon as there is a connection.
    public static let queued = Delivery(mayBeQueued: true, timeToLive: nil)
    /// Delivery at once or not at all, for what is worthless later, such as a cursor's position.
    public static let volatile = Delivery(mayBeQueued: false, timeToLive: nil)

    /// Delivery as with ``queued``, with a limit on the wait. Zero or less is no wait at all, and the queue's own
    /// ``QueuePolicy/timeToLive`` holds too.
    public static func expiring(after timeToLive: Duration) -> Delivery {
        Delivery(mayBeQueued: true, timeToLive: timeToLive)
    }
}

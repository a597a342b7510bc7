internal import LibC

/// The motor of a libwebsockets context: waits for sockets, and for one alarm of ours.
///
/// On the loop's thread only, which makes it, too: libwebsockets 4.3 remembers the thread that it first runs on.
protocol LoopBackend: AnyObject {
    var context: OpaquePointer { get }

    /// Waits for events or the alarm and handles them. With `isWorkWaiting` it handles what there is and does not wait.
    /// Returns false when the context is gone.
    func turn(isWorkWaiting: Bool) -> Bool

    /// Sets the one alarm, which only ends the wait; `nil` unsets it.
    func setAlarm(after delay: Duration?)

    /// The alarm is set and has not gone off.
    var isAlarmSet: Bool { get }

    /// Closes every socket, with its callbacks, and frees the context.
    func destroy()
}

extension Duration {
    /// Rounded up, so that an alarm does not come early.
    var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = bounded.components
        let microsecond: Int64 = 1_000_000_000_000
        return max(1, seconds * 1_000_000 + (attoseconds + microsecond - 1) / microsecond)
    }
}

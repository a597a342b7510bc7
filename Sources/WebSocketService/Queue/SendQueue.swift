import DequeModule

/// The messages that wait for a connection, in the order of their numbers.
struct SendQueue: Sendable {
    struct Entry: Hashable, Sendable {
        /// The service's running number of the message. It decides the order.
        let number: UInt64
        let message: WebSocketMessage
        /// The instant on the service's clock from which the message must not be sent any more.
        let expiry: Duration?
        /// The bytes that it takes of the limit on bytes.
        let byteCount: Int

        /// - Parameter byteCount: The memory that it occupies unless told otherwise.
        init(number: UInt64, message: WebSocketMessage, expiry: Duration?, byteCount: Int? = nil) {
            self.number = number
            self.message = message
            self.expiry = expiry
            self.byteCount = byteCount ?? MessageMemory.ofPayloads([message]) + MemoryLayout<Self>.stride
        }

        func isExpired(at now: Duration) -> Bool {
            expiry.map { now >= $0 } ?? false
        }
    }

    struct Drop: Hashable, Sendable {
        let entry: Entry
        let reason: DropReason
    }

    enum Placement: Hashable, Sendable {
        case queued
        case dropped(DropReason)
        /// The overflow rule is to fail.
        case full
        /// The overflow rule is to wait until ``hasRoom(for:)``.
        case wait
    }

    let policy: QueuePolicy
    private var entries: Deque<Entry> = []
    /// The message that is being handed to a connection; it keeps its place until the connection has taken it.
    private var taken: Entry?
    /// Of all messages.
    private(set) var byteCount = 0
    private var earliestExpiry: Duration?
    /// The most messages that have waited at a time since the queue was empty.
    private var peakCount = 0
    /// The room for so many messages is kept when the queue is empty.
    private static let keptCapacity = 64

    init(policy: QueuePolicy) {
        self.policy = policy
    }

    var count: Int { entries.count + (taken == nil ? 0 : 1) }
    var isEmpty: Bool { count == 0 }
    /// The time at which ``removeExpired(now:)`` has something to do next.
    var nextExpiry: Duration? { earliestExpiry }

    /// Tells whether there could be room for a message, were it the only one.
    func canHold(_ entry: Entry) -> Bool {
        policy.limit > 0 && entry.byteCount <= policy.byteLimit
    }

    func hasRoom(for entry: Entry) -> Bool {
        count < policy.limit && entry.byteCount <= policy.byteLimit - byteCount
    }

    /// Takes a message in, or returns the overflow rule's verdict on it.
    ///
    /// - Parameters:
    ///   - waitsForRoom: A full queue makes the sender wait whatever the rule: it is being drained.
    ///   - drops: Receives the messages that gave way.
    mutating func admit(
        _ entry: Entry, waitsForRoom: Bool = false, drops: inout [Drop]
    ) -> Placement {
        guard policy.limit > 0 else { return .dropped(.queueFull) }
        guard entry.byteCount <= policy.byteLimit else { return .dropped(.largerThanQueue) }
        if hasRoom(for: entry) {
            insert(entry)
            return .queued
        }
        if waitsForRoom { return .wait }
        switch policy.overflow {
        case .dropNewest:
            return .dropped(.queueFull)
        case .fail:
            return .full
        case .suspend:
            return .wait
        case .dropOldest:
            while !hasRoom(for: entry), let oldest = entries.first, oldest.number < entry.number {
                entries.removeFirst()
                removed(oldest)
                drops.append(Drop(entry: oldest, reason: .queueFull))
            }
            // A message that a lost connection handed back can be the oldest of all itself.
            guard hasRoom(for: entry) else { return .dropped(.queueFull) }
            insert(entry)
            return .queued
        }
    }

    /// The oldest message, to be handed to a connection. One at a time: it ends with ``finishTaken()`` or
    /// ``restoreTaken()``.
    mutating func takeFirst() -> Entry? {
        taken = entries.popFirst()
        return taken
    }

    /// The connection has taken the message.
    mutating func finishTaken() {
        guard let entry = taken.take() else { return }
        removed(entry)
    }

    /// The connection will never take the message.
    mutating func dropTaken(_ reason: DropReason, drops: inout [Drop]) {
        guard let entry = taken.take() else { return }
        removed(entry)
        drops.append(Drop(entry: entry, reason: reason))
    }

    /// The connection was lost before it took the message, which is the oldest again.
    mutating func restoreTaken() {
        guard let entry = taken.take() else { return }
        entries.prepend(entry)
        noteExpiry(entry)
    }

    /// - Returns: `true` when the message was still waiting.
    mutating func remove(number: UInt64) -> Bool {
        guard let index = entries.firstIndex(where: { $0.number == number }) else { return false }
        removed(entries.remove(at: index))
        return true
    }

    mutating func removeExpired(now: Duration, drops: inout [Drop]) {
        guard let earliestExpiry, now >= earliestExpiry else { return }
        self.earliestExpiry = nil
        var kept: Deque<Entry> = []
        for entry in entries {
            if entry.isExpired(at: now) {
                byteCount -= entry.byteCount
                drops.append(Drop(entry: entry, reason: .expired))
            } else {
                kept.append(entry)
                noteExpiry(entry)
            }
        }
        entries = kept
    }

    mutating func removeAll() -> [Entry] {
        defer {
            entries.removeAll()
            byteCount = taken?.byteCount ?? 0
            earliestExpiry = nil
        }
        return Array(entries)
    }

    /// Takes a message in that is known to have room.
    mutating func insert(_ entry: Entry) {
        // Nearly always the end: only messages that a lost connection handed back belong further in front.
        var index = entries.endIndex
        while index > entries.startIndex, entries[index - 1].number > entry.number { index -= 1 }
        entries.insert(entry, at: index)
        peakCount = max(peakCount, entries.count)
        byteCount += entry.byteCount
        noteExpiry(entry)
    }

    private mutating func noteExpiry(_ entry: Entry) {
        guard let expiry = entry.expiry else { return }
        earliestExpiry = min(earliestExpiry ?? expiry, expiry)
    }

    private mutating func removed(_ entry: Entry) {
        byteCount -= entry.byteCount
        guard isEmpty else { return }
        // A bound that is too early only costs one look through the queue.
        earliestExpiry = nil
        // The capacity that an outage has filled is not kept for the next one.
        if peakCount > Self.keptCapacity { entries = [] }
        peakCount = 0
    }
}

internal import DequeModule
internal import WebSocketProtocol

/// Messages that were received and wait for the program to take them.
///
/// A value, shared under the connection's lock. The loop adds what a read has brought, and the reader takes it as it came:
/// no message is moved from one array to another, unless few come at a time.
struct InboundQueue {
    typealias Batch = [WebSocketMessage]

    /// The continuation of a reader that waits: it goes on with messages, with `nil` after an orderly end, with an error
    /// after another one.
    typealias MessageWaiter = Waiter<Batch?>

    private enum State {
        case flowing
        /// No more messages come; the error is for the reader that takes the last of them.
        case ended((any Error)?)
    }

    private var state = State.flowing
    /// The messages of a read, or of several small ones.
    private struct Entry {
        var batch: Batch
        /// The first message of ``batch`` that was not taken: one by one they go without moving the others.
        var start = 0
        var payloadMemory: Int

        var byteCount: Int { payloadMemory + MessageMemory.ofMessages(capacity: batch.capacity) }
    }

    private var entries = Deque<Entry>()
    /// The memory of the messages that wait.
    private(set) var byteCount = 0
    /// The reader that waits for messages. The first messages may have come: then the reader is about to be woken, and they
    /// are nobody else's.
    private var waiting: (id: UInt64, waiter: MessageWaiter)?
    private var lastWaiterID: UInt64 = 0
    /// Reading from the network is stopped until the reader has caught up.
    private(set) var isPaused = false
    /// Batches of fewer messages are put together: each has its price for the reader, and for malloc(3).
    private static let smallBatch = 32
    private static let largestMerged = 128
    /// A queue with any room at all takes so much, and may exceed its limit by that.
    static let leastBudget = 4 << 10

    private(set) var receivedMessageCount = 0
    private(set) var receivedByteCount = 0

    /// More messages may be added.
    var isFlowing: Bool {
        if case .flowing = state { true } else { false }
    }

    /// Returns the number of bytes of messages that may be read next.
    /// - Parameters:
    ///   - most: The most that one read may take.
    ///   - mayPause: As in ``add(_:byteCount:payloadMemory:limit:mayPause:)``.
    /// - Returns: 0 when reading has to pause.
    mutating func budget(limit: Int, most: Int, mayPause: Bool) -> Int {
        guard mayPause else { return most }
        let room = limit - byteCount
        guard room > 0 else {
            isPaused = true
            return 0
        }
        // A few bytes at a time would take a read each.
        return min(most, max(room, min(limit, Self.leastBudget)))
    }

    /// The steps after adding a batch, outside of the lock.
    struct Addition {
        var pausesReading = false
        /// The number of messages that were not kept, and stay unseen.
        var unseen = 0
    }

    /// Adds messages. ``wake(limit:)`` follows, when all of the turn have been added.
    /// - Parameters:
    ///   - byteCount: The sizes of the payloads.
    ///   - payloadMemory: The memory that the payloads occupy; see ``MessageMemory``.
    ///   - limit: The limit of ``byteCount``.
    ///   - mayPause: Reading may stop. Messages beyond the limit stay unseen instead where reading has to go on although
    ///     nobody takes them.
    mutating func add(
        _ messages: Batch, byteCount added: Int, payloadMemory addedMemory: Int, limit: Int, mayPause: Bool = true
    ) -> Addition {
        var addition = Addition()
        guard case .flowing = state, !messages.isEmpty else { return addition }
        guard mayPause || byteCount < limit else {
            addition.unseen = messages.count
            return addition
        }
        receivedMessageCount += messages.count
        receivedByteCount += added
        append(messages, payloadMemory: addedMemory, limit: limit)
        if byteCount >= limit, !isPaused, mayPause, waiting == nil {
            isPaused = true
            addition.pausesReading = true
        }
        return addition
    }

    /// The task that waits, with the first messages, to be resumed outside of the lock; `nil` when nobody waits or nothing has
    /// come.
    mutating func wake(limit: Int) -> (waiter: MessageWaiter, batch: Batch, resumesReading: Bool)? {
        guard let waiting, !entries.isEmpty else { return nil }
        self.waiting = nil
        guard case .messages(let batch, let resumesReading) = take(limit: limit) else { return nil }
        return (waiting.waiter, batch, resumesReading)
    }

    private mutating func append(_ messages: Batch, payloadMemory: Int, limit: Int) {
        guard messages.count < Self.smallBatch, (entries.last?.batch.count ?? .max) < Self.largestMerged,
            var last = entries.popLast()
        else { return push(Entry(batch: messages, payloadMemory: payloadMemory)) }
        byteCount -= last.byteCount
        // Grows geometrically, as an array does by itself, but not beyond the limit.
        let count = last.batch.count + messages.count
        if count > last.batch.capacity {
            last.batch.reserveCapacity(max(count, min(2 * last.batch.capacity, limit / MessageMemory.ofMessage)))
        }
        last.batch.append(contentsOf: messages)
        last.payloadMemory += payloadMemory
        push(last)
    }

    private mutating func push(_ entry: Entry) {
        byteCount += entry.byteCount
        entries.append(entry)
    }

    /// A reader's immediate result.
    enum Taken {
        case messages(Batch, resumesReading: Bool)
        case end((any Error)?)
        /// Nothing is there yet.
        case nothing
    }

    /// - Parameter limit: As in ``add(_:byteCount:payloadMemory:limit:mayPause:)``.
    mutating func take(limit: Int) -> Taken {
        // The messages that have come belong to the reader that waits for them.
        guard waiting == nil else { return .nothing }
        if let first = entries.first {
            let messages = first.start == 0 ? first.batch : Array(first.batch[first.start...])
            return .messages(messages, resumesReading: removeFirst(limit: limit))
        }
        guard case .ended(let error) = state else { return .nothing }
        // A second call after the error was told gets nothing but the end.
        state = .ended(nil)
        return .end(error)
    }

    /// One message; `nil` when ``take(limit:)`` has something else to say.
    mutating func takeOne(limit: Int) -> (message: WebSocketMessage, resumesReading: Bool)? {
        guard waiting == nil, !entries.isEmpty else { return nil }
        let message = entries[0].batch[entries[0].start]
        entries[0].start += 1
        // Its memory is free when that of the whole batch is.
        let isLast = entries[0].start == entries[0].batch.count
        return (message, isLast && removeFirst(limit: limit))
    }

    /// Returns whether reading goes on.
    private mutating func removeFirst(limit: Int) -> Bool {
        byteCount -= entries.removeFirst().byteCount
        // The room for the batches of a burst is of no use to an idle connection.
        if entries.isEmpty { entries = [] }
        // Not at each free byte: the loop has to be told.
        guard isPaused, byteCount <= limit / 2 else { return false }
        isPaused = false
        return true
    }

    /// Puts the rest of a batch back that a reader took and did not use, in front of what came later.
    ///
    /// Returns the task that waits, when one does: it gets them.
    mutating func putBack(_ messages: Batch.SubSequence) -> MessageWaiter? {
        guard !messages.isEmpty else { return nil }
        if let waiting {
            self.waiting = nil
            return waiting.waiter
        }
        let entry = Entry(batch: Array(messages), payloadMemory: MessageMemory.ofPayloads(messages))
        byteCount += entry.byteCount
        entries.prepend(entry)
        return nil
    }

    mutating func makeWaiterID() -> UInt64 {
        lastWaiterID += 1
        return lastWaiterID
    }

    /// Registers a task to be resumed by the next batch. Returns false when another one waits already.
    mutating func wait(_ waiter: MessageWaiter, id: UInt64) -> Bool {
        guard waiting == nil else { return false }
        waiting = (id, waiter)
        return true
    }

    mutating func cancelWaiter(id: UInt64) -> MessageWaiter? {
        guard let waiting, waiting.id == id else { return nil }
        self.waiting = nil
        return waiting.waiter
    }

    /// No more messages come. Returns the task to be told, when one waits. Those that have come are its own: ``wake(limit:)``
    /// goes before.
    mutating func end(_ error: (any Error)?) -> MessageWaiter? {
        guard case .flowing = state else { return nil }
        guard let waiting else {
            state = .ended(error)
            return nil
        }
        state = .ended(nil)
        self.waiting = nil
        return waiting.waiter
    }
}

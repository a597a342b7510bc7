internal import DequeModule
internal import Synchronization

/// What waits to be shown to the app's handlers, in the order in which it happened, over all connections of a service.
///
/// One task at a time takes from it, so that handlers run one after the other. Whoever reads from the connection waits
/// until everything was handled: that is the back-pressure. Only while somebody waits for the answer to a request does
/// reading go on beside a running handler, up to a bound, because that handler may be the one who waits.
final class Inbox: Sendable {
    enum Item: Sendable {
        case messages([WebSocketMessage])
        case opened(OpenContext, generation: UInt64)
        case closed(ConnectionEnd)
        case failed(SocketServiceError)

        fileprivate var messageCount: Int {
            if case .messages(let messages) = self { messages.count } else { 0 }
        }
    }

    private struct State {
        var items: Deque<Item> = []
        var messageCount = 0
        var isBeingTaken = false
        var expectedReplies = 0
        var undelivered = 0
        /// How many readers may have messages in hand.
        var receiving = 0
        /// Nearly always one. The reader of a connection that was left behind may come once more beside a newer one.
        var readers: [Completion<Void>] = []
        var idleWaiters: [Completion<Void>] = []

        var isIdle: Bool { items.isEmpty && !isBeingTaken && receiving == 0 }

        mutating func takeIdleWaiters() -> [Completion<Void>] {
            guard isIdle else { return [] }
            defer { idleWaiters = [] }
            return idleWaiters
        }

        func isReadable(readAheadLimit: Int) -> Bool {
            (items.isEmpty && !isBeingTaken) || (expectedReplies > 0 && messageCount < readAheadLimit)
        }
    }

    /// How many messages may wait while a handler waits for an answer that comes after them.
    static let readAheadLimit = 1_000

    private let state = Mutex(State())
    private let stopped = Atomic<Bool>(false)

    /// Whether no message reaches a handler any more. Looked at before each message, hence without the lock.
    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    /// - Returns: Whether nobody is taking from the inbox, so that the caller has to see to it.
    func append(_ item: Item) -> Bool {
        state.withLock { state in
            if isStopped, item.messageCount > 0 {
                state.undelivered += item.messageCount
                return false
            }
            state.items.append(item)
            state.messageCount += item.messageCount
            defer { state.isBeingTaken = true }
            return !state.isBeingTaken
        }
    }

    /// What comes next; `nil` when there is nothing, which ends the taking.
    func next() -> Item? {
        let (item, waiters) = state.withLock { state -> (Item?, [Completion<Void>]) in
            if let item = state.items.popFirst() {
                state.messageCount -= item.messageCount
                return (item, [])
            }
            state.isBeingTaken = false
            defer { state.readers = [] }
            return (nil, state.readers + state.takeIdleWaiters())
        }
        for waiter in waiters { waiter.succeed() }
        return item
    }

    /// Waits until the connection may be read.
    func waitUntilReadable() async throws {
        let reader = Completion<Void>()
        let isReadable = state.withLock { state in
            guard !state.isReadable(readAheadLimit: Self.readAheadLimit) else { return true }
            state.readers.append(reader)
            return false
        }
        if !isReadable { try await reader.value() }
    }

    /// A reader takes messages from its connection; they are appended before ``endReceiving()``.
    func beginReceiving() {
        state.withLock { $0.receiving += 1 }
    }

    func endReceiving() {
        let waiters = state.withLock { state in
            state.receiving -= 1
            return state.takeIdleWaiters()
        }
        for waiter in waiters { waiter.succeed() }
    }

    /// Waits until everything was handled, and no reader has anything more.
    func waitUntilIdle() async throws {
        let idle = Completion<Void>()
        let isIdle = state.withLock { state in
            guard !state.isIdle else { return true }
            state.idleWaiters.append(idle)
            return false
        }
        if !isIdle { try await idle.value() }
    }

    var expectsReplies: Bool {
        state.withLock { $0.expectedReplies > 0 }
    }

    func expectReply() {
        let readers = state.withLock { state -> [Completion<Void>] in
            state.expectedReplies += 1
            guard state.isReadable(readAheadLimit: Self.readAheadLimit) else { return [] }
            defer { state.readers = [] }
            return state.readers
        }
        for reader in readers { reader.succeed() }
    }

    func endExpectingReply() {
        state.withLock { $0.expectedReplies -= 1 }
    }

    /// Forgets the messages that no handler has seen, and takes no others.
    func stop() {
        stopped.store(true, ordering: .releasing)
        state.withLock { state in
            state.undelivered += state.messageCount
            state.items.removeAll { $0.messageCount > 0 }
            state.messageCount = 0
        }
    }

    /// Counts messages that were taken and, as the inbox was stopped, not shown to a handler.
    func leaveUndelivered(_ count: Int) {
        state.withLock { $0.undelivered += count }
    }

    /// How many messages no handler has seen since ``stop()``.
    var undeliveredCount: Int {
        state.withLock(\.undelivered)
    }
}

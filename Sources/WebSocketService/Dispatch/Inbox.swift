internal import DequeModule

/// The items that wait to be shown to the app's handlers.
///
/// Each connection has a section of its own, and the sections are taken one after the other: all of a connection, then
/// its end, then the next connection. A connection that has ended may still be read to its end while a newer one is
/// read beside it; the order is the sections'.
struct Inbox: Sendable {
    /// The limits of what may wait before reading pauses.
    struct Limits: Hashable, Sendable {
        var messages: Int
        /// Of memory.
        var bytes: Int
    }

    enum Item: Sendable {
        case opened(OpenContext, Greeting)
        case messages([WebSocketMessage])
        case closed(ConnectionEnd)
        case failed(SocketServiceError)
    }

    /// The calls of the `onOpen` handlers for one connection.
    struct Greeting: Sendable {
        let generation: UInt64
        /// Told when the handlers have returned, or with what one of them threw.
        let finished: @Sendable ((any Error)?) -> Void
    }

    private struct Section {
        let generation: UInt64
        var items: Deque<Item> = []
        var isReading: Bool
        /// The items that come after the last message.
        var trailer: Deque<Item> = []
        var messageCount = 0
        /// The number of the items that are notices.
        var noticeCount = 0

        var isEmpty: Bool { items.isEmpty && trailer.isEmpty }
    }

    /// The most connections that have a section: of more that come and go while one handler runs, the oldest that it does
    /// not belong to is forgotten.
    static let sectionLimit = 100
    /// The most notices that wait in one place, such as those of failed attempts or heartbeats; then the oldest give way.
    static let noticeLimit = 1_000

    let limits: Limits
    private var sections: Deque<Section> = [Section(generation: 0, isReading: false)]
    private(set) var messageCount = 0
    /// The memory of the messages that wait, and of those that a handler is called with.
    private(set) var byteCount = 0
    /// The part of it that was taken.
    private var takenByteCount = 0
    /// The number of calls of handlers that wait for what the peer has yet to send.
    private(set) var handlerWaits = 0
    private(set) var isStopped = false
    /// The number of messages that no handler will see.
    private(set) var unseenCount = 0

    init(limits: Limits) {
        self.limits = limits
    }

    /// Everything was taken, and no connection has anything more.
    var isIdle: Bool { sections.allSatisfy { $0.isEmpty && !$0.isReading } }
    var hasRoomInBytes: Bool { byteCount < limits.bytes }

    // MARK: Filling

    /// A connection was opened.
    ///
    /// - Returns: The items that are forgotten for it, to be let go of under no lock.
    @discardableResult
    mutating func begin(_ generation: UInt64, _ opened: Item?) -> [Item] {
        let forgotten = sections.count >= Self.sectionLimit ? forget(sections.startIndex + 1) : []
        sections.append(Section(generation: generation, items: opened.map { [$0] } ?? [], isReading: true))
        removeFinishedSections()
        return forgotten
    }

    mutating func append(_ messages: [WebSocketMessage], from generation: UInt64) {
        guard !isStopped else {
            unseenCount += messages.count
            return
        }
        guard let index = index(of: generation) else {
            unseenCount += messages.count
            return
        }
        sections[index].items.append(.messages(messages))
        sections[index].messageCount += messages.count
        messageCount += messages.count
        byteCount += Self.memory(of: messages)
    }

    /// Puts something behind all that there is.
    ///
    /// - Returns: The item that gives way for it, to be let go of under no lock.
    @discardableResult
    mutating func append(_ notice: Item) -> Item? {
        let last = sections.endIndex - 1
        if sections[last].isReading, sections[last].trailer.isEmpty {
            sections[last].items.append(notice)
            sections[last].noticeCount += 1
            guard sections[last].noticeCount > Self.noticeLimit,
                let removed = Self.removeOldestFailure(from: &sections[last].items)
            else { return nil }
            sections[last].noticeCount -= 1
            return removed
        }
        sections[last].trailer.append(notice)
        guard sections[last].trailer.count > Self.noticeLimit else { return nil }
        return Self.removeOldestFailure(from: &sections[last].trailer)
    }

    private static func removeOldestFailure(from items: inout Deque<Item>) -> Item? {
        items.firstIndex { if case .failed = $0 { true } else { false } }.map { items.remove(at: $0) }
    }

    private mutating func forget(_ index: Int) -> [Item] {
        let section = sections.remove(at: index)
        for case .messages(let messages) in section.items {
            unseenCount += messages.count
            messageCount -= messages.count
            byteCount -= Self.memory(of: messages)
        }
        return Array(section.items + section.trailer)
    }

    /// The connection's end is known: it comes after the last message, which may not have been read yet.
    mutating func end(_ generation: UInt64, with notices: [Item]) {
        guard let index = index(of: generation) else { return }
        sections[index].trailer += notices
    }

    /// No further message of the connection's comes.
    mutating func endReading(_ generation: UInt64) {
        guard let index = index(of: generation) else { return }
        sections[index].isReading = false
        removeFinishedSections()
    }

    // MARK: Reading

    /// Tells whether the connection may be read on. One batch may go beyond the limits.
    func mayRead(_ generation: UInt64) -> Bool {
        if isStopped { return true }
        guard let index = index(of: generation) else { return true }
        // The section whose turn it is has to come to its end, whatever those behind it hold.
        if index == sections.startIndex, sections[index].messageCount == 0 { return true }
        return hasRoomInBytes && (messageCount < limits.messages || handlerWaits > 0)
    }

    /// A handler waits for something that stands behind what it has yet to return from.
    mutating func beginHandlerWait() {
        handlerWaits += 1
    }

    mutating func endHandlerWait() {
        handlerWaits -= 1
    }

    // MARK: Taking

    /// ``next()`` has something now.
    var hasNext: Bool {
        for section in sections {
            if !section.items.isEmpty { return true }
            if section.isReading { return false }
            if !section.trailer.isEmpty { return true }
        }
        return false
    }

    /// Notes that the item taken last was handled. Until then it takes memory.
    mutating func finishTaken() {
        byteCount -= takenByteCount
        takenByteCount = 0
    }

    /// Takes the next item; `nil` when there is nothing yet.
    mutating func next() -> Item? {
        finishTaken()
        removeFinishedSections()
        let first = sections.startIndex
        guard let item = sections[first].items.popFirst() else {
            return sections[first].isReading ? nil : sections[first].trailer.popFirst()
        }
        switch item {
        case .messages(let messages):
            sections[first].messageCount -= messages.count
            messageCount -= messages.count
            takenByteCount = Self.memory(of: messages)
        case .failed, .closed:
            sections[first].noticeCount -= 1
        case .opened:
            break
        }
        return item
    }

    /// Forgets the messages that no handler has seen, and takes no others.
    mutating func stop() {
        isStopped = true
        unseenCount += messageCount
        messageCount = 0
        byteCount = takenByteCount
        for index in sections.indices {
            sections[index].messageCount = 0
            sections[index].items.removeAll { if case .messages = $0 { true } else { false } }
        }
    }

    /// Counts messages that were taken and, as the inbox was stopped, not shown to a handler.
    mutating func leaveUnseen(_ count: Int) {
        unseenCount += count
    }

    private mutating func removeFinishedSections() {
        // One always stays, for notices.
        while sections.count > 1, sections[sections.startIndex].isEmpty, !sections[sections.startIndex].isReading {
            sections.removeFirst()
        }
    }

    private func index(of generation: UInt64) -> Int? {
        // Nearly always the last one, of very few.
        sections.lastIndex { $0.generation == generation }
    }

    static func memory(of messages: [WebSocketMessage]) -> Int {
        MessageMemory.ofPayloads(messages[...]) + messages.capacity * MessageMemory.ofMessage
    }
}

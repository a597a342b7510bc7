/// The requests whose answers are awaited.
struct PendingReplies: Sendable {
    /// The way in which a message answers a request.
    enum Match: Hashable, Sendable {
        /// It carries the request's correlation ID and, where one is given, this route.
        case correlationID(String, route: String?)
        /// It is the next message of this route that answers no other request.
        case route(String)
    }

    /// The progress of a request.
    enum Progress: Hashable, Sendable {
        /// No connection has been given it.
        case waiting
        /// A connection has been given it, and takes it when it has room. Its sender may not know yet that it was taken: so
        /// a peer that copies its correlation ID has it, and the next message of a route says nothing.
        case offered(generation: UInt64)
        /// It is being handed to a connection, and the peer may have it any moment.
        case handing(generation: UInt64)
        /// A connection has taken it.
        case sent(generation: UInt64)
    }

    /// The facts that a router reads from a message that may be an answer.
    struct Traits: Sendable {
        let correlationID: String?
        let route: String?
        let isRequest: Bool
    }

    struct Entry: Sendable {
        /// The running number of the request's message.
        let number: UInt64
        let match: Match
        /// An answer may come on another connection than the one that the request was sent on.
        let survivesReconnect: Bool
        /// A handler waits for the answer, and all that comes after it waits for the handler.
        let isHandlers: Bool
        var progress = Progress.waiting
        let reply: Completion<WebSocketMessage>

        /// - Parameter byID: The message carries its correlation ID.
        func mayBeAnswered(by generation: UInt64, byID: Bool) -> Bool {
            switch progress {
            case .waiting: false
            case .offered(let given): byID && given == generation
            case .handing(let given), .sent(let given): given == generation || (survivesReconnect && given < generation)
            }
        }

        /// The connection that it is being handed to.
        var offeredTo: UInt64? {
            switch progress {
            case .offered(let generation), .handing(let generation): generation
            case .waiting, .sent: nil
            }
        }

        var isUnsent: Bool {
            switch progress {
            case .waiting, .offered: true
            case .handing, .sent: false
            }
        }
    }

    private(set) var entries: [UInt64: Entry] = [:]
    /// By correlation ID or route, the numbers of requests that share one in the order they were made.
    private var numbersByID: [String: [UInt64]] = [:]
    private var numbersByRoute: [String: [UInt64]] = [:]
    /// The newest connection that has ended.
    private var lastLost: UInt64 = 0
    /// The newest connection that has ended while there were `onOpen` handlers, which greet its successor.
    private var lastBeforeGreeting: UInt64 = 0

    var isEmpty: Bool { entries.isEmpty }

    mutating func add(_ entry: Entry) {
        entries[entry.number] = entry
        switch entry.match {
        case .correlationID(let id, _): numbersByID[id, default: []].append(entry.number)
        case .route(let route): numbersByRoute[route, default: []].append(entry.number)
        }
    }

    @discardableResult
    mutating func remove(number: UInt64) -> Entry? {
        guard let entry = entries.removeValue(forKey: number) else { return nil }
        switch entry.match {
        case .correlationID(let id, _): Self.remove(number, from: &numbersByID, key: id)
        case .route(let route): Self.remove(number, from: &numbersByRoute, key: route)
        }
        return entry
    }

    // MARK: Sending

    mutating func willSend(_ number: UInt64, on generation: UInt64) {
        entries[number]?.progress = .handing(generation: generation)
    }

    /// The connection did not take the request, or not yet.
    ///
    /// - Parameter waitsForRoom: The connection takes the request as soon as it has room.
    /// - Returns: The request, when a handler made it, that connection was lost meanwhile, and it would go out only after the
    ///   handler has returned.
    mutating func didNotSend(_ number: UInt64, waitsForRoom: Bool = false) -> Entry? {
        guard let entry = entries[number] else { return nil }
        let generation = entry.offeredTo
        entries[number]?.progress =
            waitsForRoom ? generation.map { .offered(generation: $0) } ?? .waiting : .waiting
        guard let generation, entry.isHandlers, generation <= lastBeforeGreeting else { return nil }
        return remove(number: number)
    }

    /// - Returns: The request, when its connection was lost meanwhile and the answer with it.
    mutating func didSend(_ number: UInt64, on generation: UInt64) -> Entry? {
        guard let entry = entries[number] else { return nil }
        entries[number]?.progress = .sent(generation: generation)
        guard generation <= lastLost, !entry.survivesReconnect else { return nil }
        return remove(number: number)
    }

    // MARK: Answers

    /// The request that this message answers; it is no longer pending then.
    ///
    /// Only a request that a connection was given can be answered. A message with a request's correlation ID answers it
    /// when it is of the route that was asked for, or, where none was, when it is no request of the peer's own.
    ///
    /// - Parameter generation: The connection that brought the message. An older one than that of the request may still be
    ///   read, and knows nothing of it.
    mutating func take(_ traits: Traits, from generation: UInt64) -> Entry? {
        if let id = traits.correlationID {
            for number in numbersByID[id] ?? [] {
                guard let entry = entries[number], entry.mayBeAnswered(by: generation, byID: true),
                    case .correlationID(_, let route) = entry.match
                else { continue }
                if route.map({ $0 == traits.route }) ?? !traits.isRequest { return remove(number: number) }
            }
        }
        guard let route = traits.route,
            let number = numbersByRoute[route]?.first(where: {
                entries[$0]?.mayBeAnswered(by: generation, byID: false) == true
            })
        else { return nil }
        return remove(number: number)
    }

    // MARK: Ends

    /// The requests whose answers went down with a connection.
    mutating func lose(_ generation: UInt64) -> [Entry] {
        lastLost = max(lastLost, generation)
        return remove { entry in
            guard case .sent(let connection) = entry.progress else { return false }
            return connection <= generation && !entry.survivesReconnect
        }
    }

    /// The requests of handlers that no connection has been given: the next connection is greeted before them.
    mutating func takeHandlersUnsent(after generation: UInt64) -> [Entry] {
        lastBeforeGreeting = max(lastBeforeGreeting, generation)
        return remove { $0.isHandlers && $0.isUnsent }
    }

    mutating func takeAll() -> [Entry] {
        remove { _ in true }
    }

    private mutating func remove(where isWanted: (Entry) -> Bool) -> [Entry] {
        let wanted = entries.values.filter(isWanted)
        for entry in wanted { remove(number: entry.number) }
        return wanted
    }

    private static func remove(_ number: UInt64, from numbers: inout [String: [UInt64]], key: String) {
        numbers[key]?.removeAll { $0 == number }
        if numbers[key]?.isEmpty == true { numbers[key] = nil }
    }
}

/// The requests whose answers are awaited.
struct PendingReplies: Sendable {
    /// What makes a message the answer to a request.
    enum Match: Hashable, Sendable {
        /// It carries the request's correlation ID and, where one is given, this route.
        case correlationID(String, route: String?)
        /// It is the next message of this route that answers no other request.
        case route(String)
    }

    struct Entry: Sendable {
        /// The running number of the request's message.
        let number: UInt64
        let match: Match
        /// Whether an answer may come on another connection than the one that the request was sent on.
        let survivesReconnect: Bool
        var isSent = false
        let reply: Completion<WebSocketMessage>
    }

    /// By correlation ID or route; requests that share one in the order they were made.
    private var entriesByID: [String: [Entry]] = [:]
    private var entriesByRoute: [String: [Entry]] = [:]
    private var matches: [UInt64: Match] = [:]

    var isEmpty: Bool { matches.isEmpty }
    /// How many of the requests a connection has taken.
    var sentCount: Int { all.count(where: \.isSent) }

    mutating func add(_ entry: Entry) {
        matches[entry.number] = entry.match
        switch entry.match {
        case .correlationID(let id, _): entriesByID[id, default: []].append(entry)
        case .route(let route): entriesByRoute[route, default: []].append(entry)
        }
    }

    @discardableResult
    mutating func remove(number: UInt64) -> Entry? {
        guard let match = matches.removeValue(forKey: number) else { return nil }
        switch match {
        case .correlationID(let id, _): return Self.remove(number, from: &entriesByID, key: id)
        case .route(let route): return Self.remove(number, from: &entriesByRoute, key: route)
        }
    }

    /// - Returns: The request, if it still waits for its answer.
    mutating func markSent(number: UInt64) -> Entry? {
        guard let match = matches[number] else { return nil }
        switch match {
        case .correlationID(let id, _): return Self.markSent(number, in: &entriesByID, key: id)
        case .route(let route): return Self.markSent(number, in: &entriesByRoute, key: route)
        }
    }

    /// The request that this message answers; it is no longer pending then.
    mutating func take(for message: WebSocketMessage, router: any MessageRouter) -> Entry? {
        var route: String??
        func messageRoute() -> String? {
            if case .some(let known) = route { return known }
            route = .some(router.route(of: message))
            return route.flatMap { $0 }
        }
        if !entriesByID.isEmpty, let id = router.correlationID(of: message), let entries = entriesByID[id] {
            for entry in entries {
                guard case .correlationID(_, let wanted) = entry.match else { continue }
                if wanted == nil || wanted == messageRoute() { return remove(number: entry.number) }
            }
        }
        if !entriesByRoute.isEmpty, let name = messageRoute(), let entry = entriesByRoute[name]?.first {
            return remove(number: entry.number)
        }
        return nil
    }

    /// The requests whose answers went down with a connection.
    mutating func takeLost() -> [Entry] {
        let lost = all.filter { $0.isSent && !$0.survivesReconnect }
        for entry in lost { remove(number: entry.number) }
        return lost
    }

    mutating func takeAll() -> [Entry] {
        defer { self = PendingReplies() }
        return all
    }

    private var all: [Entry] {
        entriesByID.values.flatMap(\.self) + entriesByRoute.values.flatMap(\.self)
    }

    private static func remove(_ number: UInt64, from entries: inout [String: [Entry]], key: String) -> Entry? {
        guard let index = entries[key]?.firstIndex(where: { $0.number == number }) else { return nil }
        let entry = entries[key]?.remove(at: index)
        if entries[key]?.isEmpty == true { entries[key] = nil }
        return entry
    }

    private static func markSent(_ number: UInt64, in entries: inout [String: [Entry]], key: String) -> Entry? {
        guard let index = entries[key]?.firstIndex(where: { $0.number == number }) else { return nil }
        entries[key]?[index].isSent = true
        return entries[key]?[index]
    }
}

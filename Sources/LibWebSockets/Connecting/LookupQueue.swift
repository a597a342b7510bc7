internal import DequeModule

/// The names that are being looked up or wait for a thread to do that, and those who wait for each.
///
/// A value: events in, actions out. A name is looked up once at a time, however many want it, so that one that is never
/// answered holds one thread. Beyond the limit of threads, names take turns in the order in which they came.
struct LookupQueue<Request> {
    typealias ID = UInt64

    enum Action: Equatable {
        /// Wait: a thread is at it, or will be.
        case wait
        /// Start a thread, which asks for work with ``LookupQueue/next()``.
        case startThread
    }

    private struct Lookup {
        var requests: [(id: ID, request: Request)]
        var isUnderWay = false
    }

    private let threadLimit: Int
    private(set) var threadCount = 0
    var waitingNameCount: Int { queue.count }
    private var lookups: [String: Lookup] = [:]
    private var names: [ID: String] = [:]
    private var queue: Deque<String> = []
    private var lastID: ID = 0

    init(threadLimit: Int) {
        self.threadLimit = threadLimit
    }

    /// Somebody wants the addresses of `name`.
    mutating func add(_ request: Request, for name: String) -> (id: ID, action: Action) {
        lastID += 1
        names[lastID] = name
        if lookups[name] != nil {
            lookups[name]?.requests.append((lastID, request))
            return (lastID, .wait)
        }
        lookups[name] = Lookup(requests: [(lastID, request)])
        queue.append(name)
        guard threadCount < threadLimit else { return (lastID, .wait) }
        threadCount += 1
        return (lastID, .startThread)
    }

    /// The thread that was asked for last could not be started. Returns those whom that concerns: everybody who waits, when
    /// there is no thread at all; else nobody, for a thread that is there comes to their names.
    mutating func threadDidNotStart() -> [Request] {
        threadCount -= 1
        guard threadCount == 0 else { return [] }
        let waiting = queue
        queue = []
        return waiting.flatMap { finished($0) }
    }

    /// A thread has nothing to do. Returns the name to look up next; `nil` ends the thread.
    mutating func next() -> String? {
        guard let name = queue.popFirst() else {
            threadCount -= 1
            return nil
        }
        lookups[name]?.isUnderWay = true
        return name
    }

    /// A lookup has ended. Returns those who still wait for it.
    mutating func finished(_ name: String) -> [Request] {
        let requests = lookups.removeValue(forKey: name)?.requests ?? []
        for (id, _) in requests { names[id] = nil }
        return requests.map(\.request)
    }

    /// Tells whether nobody has begun a look-up that somebody waits for, as all threads are at names that are not answered.
    func isHeldUp(_ id: ID) -> Bool {
        names[id].flatMap { lookups[$0] }.map { !$0.isUnderWay } ?? false
    }

    /// Somebody does not wait any longer. A lookup that is under way cannot be stopped; one that is not is forgotten with
    /// the last who wanted it.
    mutating func cancel(_ id: ID) {
        guard let name = names.removeValue(forKey: id) else { return }
        lookups[name]?.requests.removeAll { $0.id == id }
        guard let lookup = lookups[name], lookup.requests.isEmpty, !lookup.isUnderWay else { return }
        lookups[name] = nil
        queue.removeAll { $0 == name }
    }
}

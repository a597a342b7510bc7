internal import Synchronization

/// The contexts made so far, so that connections of the same configuration share the trust store and the sessions.
final class TLSClientContextCache: Sendable {
    private struct Key: Hashable, Sendable {
        let configuration: TLSConfiguration
        let stamps: [FileOrBytes.Stamp?]
    }

    private struct State {
        var contexts: [Key: TLSClientContext] = [:]
        /// Least recently used first.
        var order: [Key] = []

        mutating func use(_ key: Key) -> TLSClientContext? {
            guard let context = contexts[key] else { return nil }
            order.removeAll { $0 == key }
            order.append(key)
            return context
        }

        mutating func insert(_ made: TLSClientContext, for key: Key, capacity: Int) -> TLSClientContext {
            if let earlier = use(key) { return earlier }
            // A changed file makes the older context useless for new connections.
            for stale in order where stale.configuration == key.configuration { contexts[stale] = nil }
            order.removeAll { $0.configuration == key.configuration }
            contexts[key] = made
            order.append(key)
            if order.count > capacity { contexts[order.removeFirst()] = nil }
            return made
        }
    }

    static let shared = TLSClientContextCache(capacity: 64)

    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: beyond it the least recently used context is forgotten; its users keep it alive.
    init(capacity: Int) { self.capacity = capacity }

    func context(for configuration: TLSConfiguration) throws(WebSocketError) -> TLSClientContext {
        let key = Key(configuration: configuration, stamps: configuration.files.map(\.stamp))
        if let cached = state.withLock({ $0.use(key) }) { return cached }
        let made = try TLSClientContext(configuration)
        return state.withLock { $0.insert(made, for: key, capacity: capacity) }
    }
}

extension TLSClientContext {
    /// The context for a configuration: the same one each time, with its sessions, until a file that the configuration
    /// names has changed.
    ///
    /// It reads files and may take tens of milliseconds the first time (the system's roots), so it is not for the loop's
    /// thread. Two callers at once may both make one; the first to finish wins.
    static func make(for configuration: TLSConfiguration) throws(WebSocketError) -> TLSClientContext {
        try TLSClientContextCache.shared.context(for: configuration)
    }
}

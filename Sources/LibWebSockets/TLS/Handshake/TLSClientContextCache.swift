internal import Synchronization
internal import Logging

/// The contexts made so far, so that connections share the `SSL_CTX`, the trust store and the sessions.
///
/// A context lives for as long as a connection uses it, and the ones used last for longer, so that the next connection
/// finds them. One whose files have changed makes place for a new one, unless that cannot be made: files are replaced one
/// after another, and what worked before goes on working until all of them are there.
final class TLSClientContextCache: Sendable {
    private struct Entry {
        weak var context: TLSClientContext?
        /// Holds the context of the entries used last.
        var retained: TLSClientContext?
        var stamps: FileStamps
        /// The state of the files that did not work and was complained about.
        var refused: FileStamps?
    }

    private struct State {
        var entries: [TLSClientConfiguration: Entry] = [:]
        /// Those whose context is retained, least recently used first.
        var recent: [TLSClientConfiguration] = []

        mutating func use(_ key: TLSClientConfiguration, retaining capacity: Int) -> (
            context: TLSClientContext, entry: Entry
        )? {
            guard let entry = entries[key], let context = entry.context else { return nil }
            if recent.last != key {
                recent.removeAll { $0 == key }
                recent.append(key)
                entries[key]?.retained = context
            }
            if recent.count > capacity { release(recent.removeFirst()) }
            return (context, entry)
        }

        private mutating func release(_ key: TLSClientConfiguration) {
            // Its users keep it, and the entry goes with them.
            entries[key]?.retained = nil
        }

        mutating func removeUnused() { entries = entries.filter { $0.value.context != nil } }
    }

    static let shared = TLSClientContextCache(capacity: 128)

    private let capacity: Int
    private let state = Lock(State())

    /// - Parameter capacity: The number of contexts that are kept although nobody uses them.
    init(capacity: Int) { self.capacity = capacity }

    /// The context for a configuration: the same one each time, with its sessions, until a file that it names has changed.
    ///
    /// - Parameter logger: Hears of changed files that cannot be used.
    func context(for configuration: TLSClientConfiguration, logger: Logger) throws(WebSocketError) -> TLSClientContext {
        let key = configuration.sharedPart
        let stamps = FileStamps(of: configuration.files)
        let known = state.withLock { $0.use(key, retaining: capacity) }
        if let known, known.entry.stamps == stamps { return known.context }
        let made: TLSClientContext
        do throws(WebSocketError) {
            if known != nil, configuration.trustRoots.includesSystem, !SystemTrustRoots.exist {
                throw .invalidTLSConfiguration("This machine has no root certificates any more.")
            }
            made = try TLSClientContext(key, logger: logger, released: { [weak self] in self?.contextWasReleased() })
        } catch {
            guard let known else { throw error }
            note(refused: stamps, key, error, logger)
            return known.context
        }
        return state.withLock { state in
            // Another caller may have been faster.
            if let earlier = state.entries[key], earlier.stamps == stamps, let context = earlier.context {
                return context
            }
            state.entries[key] = Entry(context: made, stamps: stamps)
            state.recent.removeAll { $0 == key }
            _ = state.use(key, retaining: capacity)
            return made
        }
    }

    /// Says once of each state of the files that it does not work.
    private func note(
        refused stamps: FileStamps, _ key: TLSClientConfiguration, _ error: WebSocketError, _ logger: Logger
    ) {
        let isNew = state.withLock { state in
            guard state.entries[key]?.refused != stamps else { return false }
            state.entries[key]?.refused = stamps
            return true
        }
        guard isNew else { return }
        logger.warning(
            "changed TLS files cannot be used; the ones read before stay in use",
            metadata: ["error": "\(error.message)"])
    }

    /// A context may go while the lock is held, by this thread too: then its entry goes with the next one's.
    private func contextWasReleased() { _ = state.withLockIfAvailable { $0.removeUnused() } }

    /// The number of configurations that are remembered.
    var count: Int { state.withLock { $0.entries.count } }
}

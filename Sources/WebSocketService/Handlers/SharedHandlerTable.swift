internal import LibWebSockets
internal import Synchronization

/// The handler table of a service, with a version that tells a dispatcher, without a lock, whether its copy is current.
final class SharedHandlerTable: Sendable {
    private let table = Lock(HandlerTable())
    private let currentVersion = Atomic<UInt64>(0)

    var version: UInt64 { currentVersion.load(ordering: .acquiring) }

    func snapshot() -> (table: HandlerTable, version: UInt64) {
        table.withLock { ($0, currentVersion.load(ordering: .relaxed)) }
    }

    func read<Value: Sendable>(_ body: (HandlerTable) -> Value) -> Value {
        table.withLock { body($0) }
    }

    /// - Returns: `true` when it was changed: not once the service has ended, as nothing would ever be called.
    @discardableResult
    func change(_ body: (inout HandlerTable) -> Void) -> Bool {
        // Kept until the lock is free: objects that a handler holds may cancel a registration as they go. The two share the
        // parts that are not changed.
        let previous = table.withLock { table -> HandlerTable? in
            guard !table.isReleased else { return nil }
            let previous = table
            body(&table)
            currentVersion.add(1, ordering: .releasing)
            return previous
        }
        return withExtendedLifetime(previous) { previous != nil }
    }

    func add<Input>(
        _ callback: Callback<Input>, to hooks: any WritableKeyPath<HandlerTable, [Callback<Input>]> & Sendable
    ) -> Registration {
        change { $0[keyPath: hooks].append(callback) }
        return Registration { [weak self, weak callback] in
            guard let callback else { return }
            callback.cancel()
            self?.change { $0[keyPath: hooks].removeAll { $0 === callback } }
        }
    }

    /// Ends the loops and forgets the handlers, which often hold the service themselves.
    func release() {
        var handoffs: [MessageHandoff] = []
        change { table in
            handoffs = table.allLoops
            table = HandlerTable()
            table.isReleased = true
        }
        for handoff in handoffs { handoff.finish() }
    }
}

extension SharedHandlerTable {
    /// The current task is in the body of a loop over messages: as with a handler, what comes after waits for it.
    var isInLoop: Bool {
        let loops = read(\.allLoops)
        guard !loops.isEmpty, let task = CurrentTask() else { return false }
        return loops.contains { $0.isConsumed(by: task) }
    }

    /// A loop has taken a message and not asked for the next one: its body may run, in whatever tasks.
    var loopHoldsMessage: Bool {
        read(\.allLoops).contains(where: \.isHolding)
    }
}

internal import LibWebSockets
internal import Synchronization

/// The handlers and hooks of a service, as a value that a dispatcher copies.
struct HandlerTable: Sendable {
    struct Unhandled: Sendable {
        let message: WebSocketMessage
        let route: String?
    }

    struct Undecodable: Sendable {
        let message: WebSocketMessage
        let error: SocketServiceError
    }

    var registry = CallbackRegistry()
    var open: [Callback<OpenContext>] = []
    var message: [Callback<WebSocketMessage>] = []
    var close: [Callback<ConnectionEnd>] = []
    var error: [Callback<SocketServiceError>] = []
    var unhandled: [Callback<Unhandled>] = []
    var decodeFailure: [Callback<Undecodable>] = []
    var dropped: [DropHook] = []
    /// Loops over all messages.
    var loops: [MessageHandoff] = []
    /// Loops over the messages of a route, which they get by its handlers; here to end with the service.
    var routeLoops: [MessageHandoff] = []
    /// The service has ended.
    var isReleased = false

    var allLoops: [MessageHandoff] { loops + routeLoops }
}

/// A hook that is called where a message is dropped, not in the order of the handlers.
final class DropHook: Sendable {
    let body: @Sendable (WebSocketMessage, DropReason) -> Void

    init(_ body: @escaping @Sendable (WebSocketMessage, DropReason) -> Void) {
        self.body = body
    }
}

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

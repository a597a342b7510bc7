internal import Synchronization
internal import DequeModule
internal import LibWebSockets

/// Hands messages over one after the other, in the order of the calls, for shapes whose calls do not wait.
///
/// The next message waits until the connection has room. The calls that are not through yet are kept, as many as the
/// program makes: each has a completion, by which a program paces itself, as with the originals.
package final class SendPump: Sendable {
    package typealias Sender = @Sendable (WebSocketMessage) async throws -> Void
    package typealias Completion = @Sendable ((any Error)?) -> Void

    private enum Gate: Sendable {
        case waiting
        case open(Sender)
        case ended(any Error)
    }

    private struct Item: Sendable {
        /// `nil` only marks a place in the order.
        var message: WebSocketMessage?
        var completion: Completion
    }

    private struct State: Sendable {
        var items = Deque<Item>()
        var gate = Gate.waiting
        /// The reason why nothing more is taken, while what was added before goes out.
        var refusal: (any Error)?
        var isRunning = false

        /// Tells whether a task has to be started.
        mutating func starts() -> Bool {
            guard case .open = gate, !isRunning, !items.isEmpty else { return false }
            isRunning = true
            return true
        }
    }

    private let state = Lock(State())

    package init() {}

    /// Adds a message. The completion is called once: when the connection has taken the message, or will not.
    package func send(_ message: WebSocketMessage, completion: @escaping Completion) {
        add(Item(message: message, completion: completion))
    }

    private func add(_ item: Item) {
        let (starts, error) = state.withLock { state -> (Bool, (any Error)?) in
            if case .ended(let error) = state.gate { return (false, error) }
            if let refusal = state.refusal { return (false, refusal) }
            state.items.append(item)
            return (state.starts(), nil)
        }
        if let error { return item.completion(error) }
        if starts { start() }
    }

    /// From now on messages go out through `sender`.
    package func open(_ sender: @escaping Sender) {
        let starts = state.withLock { state in
            if case .ended = state.gate { return false }
            state.gate = .open(sender)
            return state.starts()
        }
        if starts { start() }
    }

    /// Nothing goes out any more: what waits, and what comes, fails.
    package func end(_ error: any Error) {
        let items = state.withLock { state in
            if case .ended = state.gate { return Deque<Item>() }
            state.gate = .ended(error)
            defer { state.items = [] }
            return state.items
        }
        for item in items { item.completion(error) }
    }

    /// Waits until everything is handed over that was added before, but no longer than this; not for a connection to come.
    /// Messages added from now on fail.
    package func flush(within limit: Duration, refusing refusal: any Error) async {
        let (passed, continuation) = AsyncStream<Never>.makeStream()
        let marker = Item(message: nil) { _ in continuation.finish() }
        let (waits, starts) = state.withLock { state -> (Bool, Bool) in
            if state.refusal == nil { state.refusal = refusal }
            guard case .open = state.gate, state.isRunning || !state.items.isEmpty else { return (false, false) }
            state.items.append(marker)
            return (true, state.starts())
        }
        guard waits else { return }
        if starts { start() }
        let deadline = Task {
            try await Task.sleep(for: limit.bounded)
            continuation.finish()
        }
        for await _ in passed {}
        deadline.cancel()
    }

    private func start() {
        // Detached: it is no part of the handler that may have made the call.
        Task.detached { await self.run() }
    }

    private func run() async {
        while let (item, sender) = next() {
            do {
                if let message = item.message { try await sender(message) }
                item.completion(nil)
            } catch {
                item.completion(error)
            }
        }
    }

    private func next() -> (Item, Sender)? {
        state.withLock { state in
            guard case .open(let sender) = state.gate, let item = state.items.popFirst() else {
                state.isRunning = false
                return nil
            }
            return (item, sender)
        }
    }
}

internal import Synchronization
internal import DequeModule
internal import WebSocketService

/// Everything that happened of one kind, which a test can look at whole or take one by one, waiting for the next.
final class ScriptedTransportFeed<Element: Sendable>: Sendable {
    private struct State {
        var all: [Element] = []
        var taken = 0
        var waiters: Deque<Completion<Element>> = []
    }

    private let state = Lock(State())

    var all: [Element] {
        state.withLock(\.all)
    }

    func append(_ element: Element) {
        var afterwards = Afterwards()
        append(element, &afterwards)
        afterwards.perform()
    }

    /// Appends under a lock: who waits is woken afterwards.
    func append(_ element: Element, _ afterwards: inout Afterwards) {
        state.withLock { state in
            state.all.append(element)
            while let waiter = state.waiters.popFirst() {
                // A waiter whose task was cancelled has not taken the element.
                guard waiter.succeed(element, &afterwards) else { continue }
                state.taken += 1
                return
            }
        }
    }

    /// The first element that was not taken yet, waiting for it if need be.
    ///
    /// - Parameters:
    ///   - limit: The longest wait.
    ///   - words: Says what is waited for, and what came instead, given the number of the element, from 1.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    func next(
        within limit: Duration? = nil, _ words: @escaping @Sendable (Int) -> String = { "for element \($0)" }
    ) async throws -> Element {
        let waiter = Completion<Element>()
        let element = state.withLock { state -> Element? in
            guard state.taken < state.all.count else {
                state.waiters.append(waiter)
                return nil
            }
            defer { state.taken += 1 }
            return state.all[state.taken]
        }
        if let element { return element }
        return try await waiter.value(within: limit) { words(self.state.withLock(\.taken) + 1) }
    }
}

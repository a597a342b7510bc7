internal import Synchronization
internal import LibWebSockets

/// Counts what happens on several threads.
package final class Counter: Sendable {
    private let count = Lock(0)

    package init() {}

    package var value: Int { count.withLock { $0 } }

    @discardableResult
    package func increment(by amount: Int = 1) -> Int {
        count.withLock { count in
            count += amount
            return count
        }
    }
}

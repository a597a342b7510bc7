internal import Synchronization
internal import LibWebSockets
package import Testing

/// The values that several tasks and threads have added, in order.
package final class Collector<Element: Sendable>: Sendable {
    private let elements = Lock<[Element]>([])

    package init() {}

    package var all: [Element] { elements.withLock { $0 } }
    package var count: Int { elements.withLock(\.count) }

    package func add(_ element: Element) {
        elements.withLock { $0.append(element) }
    }

    /// Waits until so many are there.
    package func wait(for count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await eventually("\(all.suffix(20))", sourceLocation: sourceLocation) { self.count >= count }
    }

    package func removeAll() {
        let all = elements.withLock { elements in
            defer { elements = [] }
            return elements
        }
        // The objects that they hold are released outside of the lock.
        _ = all
    }
}

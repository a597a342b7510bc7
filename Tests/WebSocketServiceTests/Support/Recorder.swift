@testable import WebSocketTesting

/// The values that handlers were called with, in order, for a test to look at or wait for.
final class Recorder<Element: Sendable>: Sendable {
    private let feed = ScriptedTransportFeed<Element>()

    var all: [Element] { feed.all }

    func add(_ element: Element) {
        feed.append(element)
    }

    /// The next element, each once, waiting for it if need be.
    func next() async throws -> Element {
        try await feed.next()
    }

    /// Skips elements until one that satisfies the condition.
    @discardableResult
    func next(where isWanted: (Element) -> Bool) async throws -> Element {
        while true {
            let element = try await next()
            if isWanted(element) { return element }
        }
    }

    func next(_ count: Int) async throws -> [Element] {
        var elements: [Element] = []
        while elements.count < count { elements.append(try await next()) }
        return elements
    }
}

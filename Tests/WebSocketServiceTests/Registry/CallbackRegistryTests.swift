import Synchronization
import Testing

@testable import WebSocketService

@Suite struct CallbackRegistryTests {
    private final class Calls: Sendable {
        private let calls = Mutex<[String]>([])

        func add(_ call: String) { calls.withLock { $0.append(call) } }

        var all: [String] { calls.withLock { $0 } }
    }

    private func dispatch(_ text: String, to route: String, in registry: CallbackRegistry) async throws {
        for callback in registry.callbacks(for: route) { try await callback(.text(text)) }
    }

    @Test func handlersOfARouteRunInTheOrderOfTheirRegistration() async throws {
        let calls = Calls()
        var registry = CallbackRegistry()
        for name in ["first", "second", "third"] {
            registry.add(Callback { calls.add("\(name) \($0.text ?? "")") }, to: "map")
        }
        registry.add(Callback { _ in calls.add("other route") }, to: "chart")
        try await dispatch("x", to: "map", in: registry)
        #expect(calls.all == ["first x", "second x", "third x"])
        #expect(registry.callbacks(for: "unknown").isEmpty)
    }

    @Test func removingOneLeavesTheOthers() async throws {
        let calls = Calls()
        var registry = CallbackRegistry()
        let first = CallbackRegistry.MessageCallback { _ in calls.add("first") }
        registry.add(first, to: "map")
        registry.add(Callback { _ in calls.add("second") }, to: "map")
        registry.remove(first, from: "map")
        registry.remove(first, from: "map")
        try await dispatch("x", to: "map", in: registry)
        #expect(calls.all == ["second"])
    }

    @Test func unregisteringANameRemovesAllItsHandlers() async throws {
        let calls = Calls()
        var registry = CallbackRegistry()
        registry.add(Callback { _ in calls.add("a") }, to: "map")
        registry.add(Callback { _ in calls.add("b") }, to: "map")
        #expect(registry.removeAll(from: "map") == 2)
        #expect(registry.removeAll(from: "map") == 0)
        try await dispatch("x", to: "map", in: registry)
        #expect(calls.all.isEmpty)
    }

    @Test func aCopyOfTheRegistryDoesNotCallWhatWasRemovedSince() async throws {
        let calls = Calls()
        var registry = CallbackRegistry()
        let callback = CallbackRegistry.MessageCallback { _ in calls.add("late") }
        registry.add(callback, to: "map")
        let copy = registry
        registry.remove(callback, from: "map")
        try await dispatch("x", to: "map", in: copy)
        #expect(calls.all.isEmpty)
    }
}

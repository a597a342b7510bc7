import Synchronization
import Testing

@testable import WebSocketService

@Suite struct CallbackRegistryTests {
    private final class Calls: Sendable {
        private let calls = Lock<[String]>([])

        func add(_ call: String) { calls.withLock { $0.append(call) } }

        var all: [String] { calls.withLock { $0 } }
    }

    private func dispatch(_ text: String, to route: String, in registry: CallbackRegistry) async throws {
        for callback in registry.callbacks(for: route) { try await callback(.text(text)) }
    }

    @Test("Handlers of a route run in the order of their registration")
    func handlersOfARouteRunInTheOrderOfTheirRegistration() async throws {
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

    @Test("Removing one handler leaves the others") func removingOneLeavesTheOthers() async throws {
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

    @Test("Unregistering a name removes all its handlers") func unregisteringANameRemovesAllItsHandlers() async throws {
        let calls = Calls()
        var registry = CallbackRegistry()
        registry.add(Callback { _ in calls.add("a") }, to: "map")
        registry.add(Callback { _ in calls.add("b") }, to: "map")
        #expect(registry.removeAll(from: "map") == 2)
        #expect(registry.removeAll(from: "map") == 0)
        try await dispatch("x", to: "map", in: registry)
        #expect(calls.all.isEmpty)
    }

    @Test("Registering n routes takes n times as long as one, also while a dispatcher holds a copy")
    func registeringManyRoutes() {
        func register(_ count: Int) -> Duration {
            let handlers = SharedHandlerTable()
            var snapshots: HandlerTable?
            let begin = ContinuousClock.now
            for number in 0..<count {
                handlers.change { $0.registry.add(Callback { _ in }, to: "route \(number)") }
                snapshots = handlers.snapshot().table
            }
            #expect(snapshots?.registry.callbacks(for: "route \(count - 1)").count == 1)
            return ContinuousClock.now - begin
        }
        // The best of three: a busy machine only ever adds.
        func best(_ count: Int) -> Duration { (0..<3).map { _ in register(count) }.min() ?? .zero }
        let ratio = best(16_000) / best(2_000)
        #expect(ratio < 24, "8 times as many took \(ratio) times as long; 64 were quadratic")
    }

    @Test("A copy of the registry does not call a handler that was removed since")
    func aCopyOfTheRegistryDoesNotCallWhatWasRemovedSince() async throws {
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

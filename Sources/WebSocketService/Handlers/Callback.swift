internal import Synchronization

/// A handler of the app's.
final class Callback<Input: Sendable>: Sendable {
    private let body: @Sendable (Input) async throws -> Void
    private let cancelled = Atomic<Bool>(false)
    /// It hands messages to a loop, which is the app's to end.
    let isLoops: Bool

    init(isLoops: Bool = false, _ body: @escaping @Sendable (Input) async throws -> Void) {
        self.isLoops = isLoops
        self.body = body
    }

    /// Keeps calls from beginning after this, even where somebody holds an older copy of the registry.
    func cancel() {
        cancelled.store(true, ordering: .releasing)
    }

    func callAsFunction(_ input: Input) async throws {
        guard !cancelled.load(ordering: .acquiring) else { return }
        try await body(input)
    }
}

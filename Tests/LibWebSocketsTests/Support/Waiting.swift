import Testing

extension Trait where Self == TimeLimitTrait {
    /// For suites that wait for something: a bug that makes one of their tests hang fails that test instead.
    static var hangs: Self { .timeLimit(.minutes(10)) }
}

/// Waits until `value` has stayed the same over many looks at it: for what has to come to a standstill.
func standstill<Value: Equatable>(of value: () async -> Value) async throws -> Value {
    var last = await value()
    var looks = 0
    while looks < 50 {
        try await Task.sleep(for: .milliseconds(2))
        let current = await value()
        looks = current == last ? looks + 1 : 0
        last = current
    }
    return last
}

/// Hands values from one task to another.
struct Relay<Element: Sendable>: Sendable {
    private let stream: AsyncStream<Element>
    private let continuation: AsyncStream<Element>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    func give(_ element: Element) {
        continuation.yield(element)
    }

    /// Waits for the next value; `CancellationError` when the task is cancelled before one comes.
    func take() async throws -> Element {
        for await element in stream { return element }
        throw CancellationError()
    }
}

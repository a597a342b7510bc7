import Foundation
import Testing

/// The wait was in vain.
struct NeverHappened: Error, CustomStringConvertible {
    let description: String
}

/// Waits for what happens elsewhere and does not announce itself.
///
/// The deadline is there for bugs only; in a test that runs in a process of its own there is no other.
func eventually(
    within limit: Duration = .seconds(60), _ failure: @autoclosure () -> String, _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while try await !condition() {
        guard clock.now < deadline else { throw NeverHappened(description: failure()) }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// The time that `body` takes, with its result.
func timed<Result>(_ body: () async throws -> Result) async rethrows -> (Result, Duration) {
    let clock = ContinuousClock()
    let start = clock.now
    let result = try await body()
    return (result, start.duration(to: clock.now))
}

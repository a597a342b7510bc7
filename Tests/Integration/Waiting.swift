import Foundation
import Testing

/// Waits for what happens elsewhere and does not announce itself; the suite's time limit is the only deadline.
func eventually(
    _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
    do {
        while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
    } catch is CancellationError {
        Issue.record(comment ?? "it never happened", sourceLocation: sourceLocation)
        throw CancellationError()
    }
}

/// How long `body` takes, with its result.
func timed<Result>(_ body: () async throws -> Result) async rethrows -> (Result, Duration) {
    let clock = ContinuousClock()
    let start = clock.now
    let result = try await body()
    return (result, start.duration(to: clock.now))
}

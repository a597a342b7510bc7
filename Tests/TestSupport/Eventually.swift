package import Testing

/// The wait was in vain.
package struct NeverHappened: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// Waits for what happens elsewhere and does not announce itself.
///
/// The deadline is there for bugs only. A suite's time limit is mostly shorter; in a test that runs in a process of its own
/// there is none.
package func eventually(
    _ failure: @autoclosure () -> String = "it never happened", sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(300)
    do {
        while try await !condition() {
            guard ContinuousClock.now < deadline else { throw NeverHappened(description: failure()) }
            try await Task.sleep(for: .milliseconds(1))
        }
    } catch {
        Issue.record("waited in vain: \(failure())", sourceLocation: sourceLocation)
        throw error
    }
}

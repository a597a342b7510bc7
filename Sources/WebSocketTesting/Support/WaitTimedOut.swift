internal import WebSocketService
internal import LibC

/// A wait of a test for something that did not come in time.
///
/// Everything in this module that waits has a limit, in real time: 60 s, or as many as the environment's
/// `WEBSOCKET_TESTING_TIMEOUT` says, which helps where a machine is slow. Each call can set one of its own.
public struct WaitTimedOut: Error, Hashable, CustomStringConvertible {
    /// The time that was waited.
    public let limit: Duration
    /// A text that says what was waited for, and what came instead.
    public let description: String

    init(limit: Duration, _ words: String) {
        self.limit = limit
        description = "waited \(limit.words) \(words)"
    }

    static let standardLimit: Duration = {
        let seconds = getenv("WEBSOCKET_TESTING_TIMEOUT").flatMap { Double(String(cString: $0)) } ?? 60
        // A value that is no number of seconds would trap.
        return seconds.isFinite && seconds > 0 ? .seconds(min(seconds, 1e9)) : .seconds(60)
    }()
}

extension WaitTimedOut {
    /// Returns words on what came instead, the last few of it: `2: "a", "b"`.
    static func list(_ elements: [some Any]) -> String {
        guard !elements.isEmpty else { return "none" }
        let shown = elements.suffix(5).map { "\($0)" }.joined(separator: ", ")
        return elements.count > 5 ? "\(elements.count), the last ones: \(shown)" : "\(elements.count): \(shown)"
    }
}

extension Completion {
    /// The value, once it is there.
    ///
    /// - Parameters:
    ///   - limit: The longest wait; ``WaitTimedOut/standardLimit`` where it is `nil`.
    ///   - words: Says what was waited for, beginning with "for" or "until", and what came instead. Called when the time is
    ///     over.
    func value(within limit: Duration?, _ words: @escaping @Sendable () -> String) async throws -> Value {
        if isComplete { return try await value() }
        let limit = (limit ?? WaitTimedOut.standardLimit).bounded
        let alarm = Task.detached {
            // Cancelled when the value is there.
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            self.fail(WaitTimedOut(limit: limit, words()))
        }
        defer { alarm.cancel() }
        return try await value()
    }
}

internal import InMemoryLogging
package import Logging

/// The lines that were logged: each is level, message and metadata.
package struct LogLines: Sendable {
    private let handler = InMemoryLogHandler()

    package init() {}

    package var all: [String] {
        handler.entries.map { entry in
            let pairs = entry.metadata.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
            return "\(entry.level) \(entry.message) \(pairs.joined(separator: " "))"
        }
    }

    /// The lines of one level or worse, without their metadata.
    package func messages(_ level: Logger.Level) -> [String] {
        handler.entries.filter { $0.level >= level }.map { "\($0.level) \($0.message)" }
    }

    package func logger(_ level: Logger.Level = .trace) -> Logger {
        var logger = Logger(label: "test") { _ in handler }
        logger.logLevel = level
        return logger
    }
}

extension Logger {
    package static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

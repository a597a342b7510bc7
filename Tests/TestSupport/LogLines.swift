package import Logging

/// The lines that were logged: each is level, message and metadata.
package struct LogLines: Sendable {
    private let lines = Collector<Line>()

    package init() {}

    package var all: [String] {
        lines.all.map { line in
            let pairs = line.metadata.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
            return "\(line.level) \(line.message) \(pairs.joined(separator: " "))"
        }
    }

    /// The lines of one level or worse, without their metadata.
    package func messages(_ level: Logger.Level) -> [String] {
        lines.all.filter { $0.level >= level }.map { "\($0.level) \($0.message)" }
    }

    package func logger(_ level: Logger.Level = .trace) -> Logger {
        var logger = Logger(label: "test") { _ in Handler(lines: lines) }
        logger.logLevel = level
        return logger
    }

    private struct Line: Sendable {
        let level: Logger.Level
        let message: Logger.Message
        let metadata: Logger.Metadata
    }

    private struct Handler: LogHandler {
        let lines: Collector<Line>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.add(
                Line(
                    level: event.level, message: event.message,
                    metadata: metadata.merging(event.metadata ?? [:]) { $1 }))
        }
    }
}

extension Logger {
    package static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

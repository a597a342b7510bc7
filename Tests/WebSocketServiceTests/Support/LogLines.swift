import Logging

/// The lines that were logged: each is level, message and metadata.
struct LogLines: Sendable {
    private let lines = Recorder<String>()

    var all: [String] { lines.all }

    /// The lines of one level or worse, without their metadata.
    func messages(_ level: Logger.Level) -> [String] {
        messagesOfLevel.all.filter { $0.level >= level }.map(\.text)
    }

    private let messagesOfLevel = Recorder<Line>()

    private struct Line: Sendable {
        let level: Logger.Level
        let text: String
    }

    func logger(_ level: Logger.Level = .trace) -> Logger {
        var logger = Logger(label: "test") { _ in Handler(lines: lines, messages: messagesOfLevel) }
        logger.logLevel = level
        return logger
    }

    private struct Handler: LogHandler {
        let lines: Recorder<String>
        let messages: Recorder<Line>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let pairs = all.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
            messages.add(Line(level: event.level, text: "\(event.level) \(event.message)"))
            lines.add("\(event.level) \(event.message) \(pairs.joined(separator: " "))")
        }
    }
}

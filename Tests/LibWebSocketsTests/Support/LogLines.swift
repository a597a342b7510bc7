import Logging

/// The lines that were logged: each is level, message and metadata.
struct LogLines: Sendable {
    private let lines = Collector<String>()

    var all: [String] { lines.all }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(lines: lines) }
    }

    private struct Handler: LogHandler {
        let lines: Collector<String>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let pairs = all.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
            lines.add("\(event.level) \(event.message) \(pairs.joined(separator: " "))")
        }
    }
}

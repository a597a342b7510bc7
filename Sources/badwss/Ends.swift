import Foundation
import WebSocketTesting

/// The signals that ask for the end, so that files are removed and children ended first.
final class Ends: Sendable {
    /// `nonisolated(unsafe)`: set by `init` and otherwise only cancelled, which Dispatch allows from any thread.
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]
    private let signals: AsyncStream<Int32>
    private let continuation: AsyncStream<Int32>.Continuation

    init() {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
        (self.signals, self.continuation) = (signals, continuation)
        // A write to a closed pipe then gives an error, and the files are removed.
        signal(SIGPIPE, SIG_IGN)
        sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
    }

    /// As if this signal had come.
    func end(as signal: Int32) { continuation.yield(signal) }

    func cancel() {
        for source in sources { source.cancel() }
    }

    /// The next signal; `nil` when the time is over, or the task is cancelled.
    func next(within limit: Duration?) async -> Int32? {
        await withTaskGroup(of: Int32?.self) { group in
            group.addTask {
                for await signal in self.signals { return signal }
                return nil
            }
            if let limit {
                group.addTask {
                    // Cancelled when a signal was first.
                    try? await Task.sleep(for: limit)
                    return nil
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}

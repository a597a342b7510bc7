import Dispatch
import Foundation

/// Tells of SIGINT, SIGTERM and SIGHUP instead of dying of them, so that connections are closed in good order.
final class Signals {
    private let sources: [any DispatchSourceSignal]

    init(_ handler: @escaping @MainActor @Sendable (Int32) -> Void) {
        sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { Task { await handler(number) } }
            source.resume()
            return source
        }
    }

    func cancel() {
        for source in sources { source.cancel() }
    }
}

internal import Synchronization
internal import Logging
internal import LibWebSockets

/// Logs the life of a service's connections: at info, what somebody wants to read who was called at night.
///
/// Many services lose the same server at once, and try for hours. So of failures in a row those with the numbers 1, 2, 4, 8 …
/// are logged at info and all others at debug; the recovery says how many there were.
final class ConnectionLog: Sendable {
    private struct State {
        /// The time at which the connection was lost, or the first attempt began.
        var downSince: Duration?
        /// Nothing is to be said of the next opening: it ends an outage that was not worth a line.
        var isQuiet = false
        var hasBeenOpen = false
    }

    private let logger: Logger
    private let state = Lock(State())

    init(logger: Logger) {
        self.logger = logger
    }

    /// An attempt begins.
    func connecting(to url: String, attempt: Int, now: Duration) {
        state.withLock { state in
            if state.downSince == nil { state.downSince = now }
        }
        logger.debug("connecting", metadata: [LoggingKeys.url: "\(url)", LoggingKeys.attempt: "\(attempt)"])
    }

    func opened(attempt: Int, tls: TLSConnectionInfo?, now: Duration) {
        let (downTime, isQuiet, isAgain) = state.withLock { state in
            defer {
                state.downSince = nil
                state.isQuiet = false
                state.hasBeenOpen = true
            }
            return (now - (state.downSince ?? now), state.isQuiet, state.hasBeenOpen)
        }
        let time = isAgain ? "open again after \(downTime.words) without a connection" : "open after \(downTime.words)"
        var metadata: Logger.Metadata = [
            LoggingKeys.attempt: "\(attempt)", LoggingKeys.duration: "\(downTime)",
        ]
        if let tls { metadata[LoggingKeys.tls] = "\(tls.version)" }
        logger.log(
            level: isQuiet ? .debug : .info, "\(time) (attempt \(attempt)\(tls.map { ", \($0.version)" } ?? ""))",
            metadata: metadata)
    }

    /// - Parameters:
    ///   - uptime: The time for which the connection was open; `nil` when an attempt failed.
    ///   - failures: The number of failures in a row, this one included.
    ///   - delay: The time until the next attempt; `nil` when something else was asked for meanwhile.
    func failed(
        _ failure: ConnectionFailure, attempt: Int, openFor uptime: Duration?, failures: Int, delay: Duration?,
        now: Duration
    ) {
        let isTold = failures & (failures - 1) == 0
        state.withLock { state in
            if state.downSince == nil { state.downSince = now }
            // A connection that comes and goes: its openings are worth no more than its losses. An attempt that failed in
            // between makes it an outage.
            state.isQuiet = uptime != nil && !isTold
        }
        let what = uptime.map { "lost the connection after \($0.words)" } ?? "attempt \(attempt) failed"
        let next = delay.map { "; next attempt in \($0.words)" } ?? ""
        var metadata: Logger.Metadata = [LoggingKeys.failure: "\(failure)", LoggingKeys.attempt: "\(attempt)"]
        if let uptime { metadata[LoggingKeys.duration] = "\(uptime)" }
        if let delay { metadata[LoggingKeys.delay] = "\(delay)" }
        logger.log(level: isTold ? .info : .debug, "\(what): \(failure.reason)\(next)", metadata: metadata)
    }

    func gaveUp(_ error: SocketServiceError, attempts: Int) {
        var metadata: Logger.Metadata = [LoggingKeys.attempt: "\(attempts)"]
        if let failure = error.failure { metadata[LoggingKeys.failure] = "\(failure)" }
        logger.error("\(error.message)", metadata: metadata)
        state.withLock { $0 = State(hasBeenOpen: $0.hasBeenOpen) }
    }

    /// The service closed the connection itself, as by a pause.
    func closed(_ closure: WebSocketClosure) {
        logger.debug("\(closure)", metadata: [LoggingKeys.closeCode: "\(closure.code)"])
    }
}

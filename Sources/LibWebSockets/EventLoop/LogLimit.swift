/// Limits how often lines that somebody else causes are logged: a peer must not be able to fill the log.
///
/// A value: so many lines in each period are logged, the others are counted, and the first line of a later period says how many
/// there were.
struct LogLimit {
    enum Decision: Equatable {
        /// Log the line; so many like it were left out since the last one.
        case log(suppressed: Int)
        case suppress
    }

    private let limit: Int
    private let period: Duration
    private var start: ContinuousClock.Instant?
    private var count = 0
    private var suppressed = 0

    init(limit: Int = 10, period: Duration = .seconds(60)) {
        self.limit = limit
        self.period = period
    }

    mutating func next(at now: ContinuousClock.Instant) -> Decision {
        if start.map({ $0.duration(to: now) >= period }) ?? true {
            start = now
            count = 0
        }
        guard count < limit else {
            suppressed += 1
            return .suppress
        }
        count += 1
        defer { suppressed = 0 }
        return .log(suppressed: suppressed)
    }
}

/// A ``LogLimit`` that several threads share.
final class SharedLogLimit: Sendable {
    private let limit = Lock(LogLimit())

    /// Calls `log` with what to add to the line, unless there have been too many. It runs outside of the lock.
    func log(_ log: (_ suffix: String) -> Void) {
        switch limit.withLock({ $0.next(at: .now) }) {
        case .suppress: break
        case .log(suppressed: 0): log("")
        case .log(let suppressed): log(" (\(suppressed) more like this were not logged)")
        }
    }
}

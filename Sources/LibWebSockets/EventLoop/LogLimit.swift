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

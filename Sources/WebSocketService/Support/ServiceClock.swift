/// Any clock, reduced to durations since the service was made: state machines compare and store those as plain values.
///
/// They are bounded, so that additions to them do not overflow.
struct ServiceClock: Sendable {
    private let currentOffset: @Sendable () -> Duration
    private let sleepUntil: @Sendable (Duration) async throws -> Void

    /// - Parameter taskExecutor: Runs the tasks that sleep on a clock of Swift's runtime; `nil` for Swift's own.
    init(_ clock: any Clock<Duration>, taskExecutor: (any TaskExecutor)?) {
        let wrapped = Self.wrap(clock)
        switch clock {
        case is ContinuousClock, is SuspendingClock:
            let shared = SharedSleep(
                taskExecutor: taskExecutor, currentOffset: wrapped.currentOffset, sleepUntil: wrapped.sleepUntil)
            self.init(currentOffset: wrapped.currentOffset, sleepUntil: { try await shared.sleep(until: $0) })
        default:
            // A clock of a test shows each sleep for itself.
            self = wrapped
        }
    }

    private init(
        currentOffset: @escaping @Sendable () -> Duration,
        sleepUntil: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.currentOffset = currentOffset
        self.sleepUntil = sleepUntil
    }

    private static func wrap<Wrapped: Clock<Duration>>(_ clock: Wrapped) -> ServiceClock {
        let start = clock.now
        return ServiceClock(
            currentOffset: { start.duration(to: clock.now) },
            sleepUntil: { try await clock.sleep(until: start.advanced(by: $0), tolerance: nil) })
    }

    var now: Duration { currentOffset().boundedByTime }

    /// The instant that is so long from now.
    func deadline(after duration: Duration) -> Duration {
        now + duration.bounded
    }

    func sleep(until offset: Duration) async throws {
        try await sleepUntil(min(offset, now + .longest))
    }
}

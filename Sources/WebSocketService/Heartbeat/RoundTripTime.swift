/// The round-trip times that the heartbeats of the current connection measured.
public struct RoundTripTime: Hashable, Sendable {
    /// The latest round trip.
    public private(set) var last: Duration
    /// The exponentially weighted average, each new sample with a weight of 1/8 (SRTT in RFC 6298 section 2).
    public private(set) var smoothed: Duration
    /// The shortest round trip.
    public private(set) var minimum: Duration
    /// The longest round trip.
    public private(set) var maximum: Duration

    init(first: Duration) {
        last = first
        smoothed = first
        minimum = first
        maximum = first
    }

    mutating func add(_ sample: Duration) {
        last = sample
        smoothed += (sample - smoothed) / 8
        minimum = min(minimum, sample)
        maximum = max(maximum, sample)
    }
}

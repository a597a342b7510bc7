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

    /// - Parameter first: As a transport measured it: any other transport may say anything.
    init(first: Duration) {
        let first = first.bounded
        last = first
        smoothed = first
        minimum = first
        maximum = first
    }

    mutating func add(_ sample: Duration) {
        let sample = sample.bounded
        last = sample
        smoothed += (sample - smoothed) / 8
        minimum = min(minimum, sample)
        maximum = max(maximum, sample)
    }
}

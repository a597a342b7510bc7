/// Random numbers that are the same each time for the same seed, so that a test that failed can be repeated.
///
/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014). Anybody who sees one of the
/// numbers knows all that follow: it is for tests and simulations, not for secrets.
///
/// ```swift
/// var generator = SeededGenerator(seed: 7)
/// let policy = ReconnectPolicy.exponential()
/// let failure = ConnectionFailure.heartbeatTimeout(unanswered: 1)
/// let decision = policy.decision(.init(failure: failure, failuresBefore: 0), using: &generator)
/// ```
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator that begins with a seed.
    ///
    /// - Parameter seed: Every seed gives another sequence.
    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

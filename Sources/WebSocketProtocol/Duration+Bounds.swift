/// The one place where durations that somebody chose, or a peer sent, are made safe to calculate with.
///
/// A `Duration` holds 1.7 · 10²⁰ s and traps beyond; its seconds trap where they do not fit 64 bits, and its nanoseconds,
/// which the systems' clocks count, beyond 292 years. So nothing here waits longer than a century, which is as good as for
/// ever, and a time that lies a century ahead can still be added to.
extension Duration {
    /// A century of 365.25 days: the longest that anything waits.
    package static let longest = Duration.seconds(3_155_760_000)

    /// From zero to ``longest``.
    package var bounded: Duration { min(max(self, .zero), .longest) }

    /// Up to ``longest`` on either side of zero.
    package var boundedOnBothSides: Duration { min(max(self, .zero - .longest), .longest) }

    /// The sum of two delays, from zero to ``longest``.
    package func addingWithinBounds(_ other: Duration) -> Duration {
        (bounded + other.bounded).bounded
    }

    /// The farthest that a clock can be from its start, on either side. The sum of two such times does not overflow, and a
    /// century can be added for as long as anybody cares to.
    package static let endOfTime = Duration.seconds(Int64.max / 4)

    /// Up to ``endOfTime`` on either side of zero.
    package var boundedByTime: Duration { min(max(self, .zero - .endOfTime), .endOfTime) }

    /// A multiple, from zero to ``longest``.
    package func multipliedWithinBounds(by factor: Int) -> Duration {
        guard self > .zero, factor > 0 else { return .zero }
        // In floating point, where a product is infinite rather than a trap.
        let isInBounds = bounded / .seconds(1) * Double(factor) < Duration.longest / .seconds(1)
        return isInBounds ? bounded * factor : .longest
    }
}

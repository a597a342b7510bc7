/// The waits before a service's attempts to reconnect.
public struct ReconnectSchedule: Sendable {
    /// The spread of the delays by chance, so that clients that lost the same server do not all return at once.
    ///
    /// The names are those of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015). `d` is the exponential
    /// delay: `min(maximum, initial * multiplier^n)` after n failures before.
    public enum Jitter: Hashable, Sendable, CaseIterable {
        /// The delay `d` itself.
        case none
        /// A delay between 0 and `d`.
        case full
        /// A delay between `d / 2` and `d`.
        case equal
        /// A delay between `initial` and three times the previous one, at most `maximum`.
        case decorrelated
    }

    private enum Kind: Sendable {
        case exponential(initial: Duration, multiplier: Double, maximum: Duration, jitter: Jitter)
        case linear(step: Duration)
        case fixed(Duration)
        case custom(@Sendable (ReconnectPolicy.Context) -> Duration?)
    }

    private let kind: Kind

    /// Exponential backoff with jitter.
    ///
    /// - Parameters:
    ///   - initial: The delay after the first failure, before jitter: from zero to `maximum`.
    ///   - multiplier: The factor of each further failure. Less than 1, or not a number, counts as 1. The decorrelated kind
    ///     has its own, 3.
    ///   - maximum: The longest delay: from zero to a century.
    ///   - jitter: The spread of the delays by chance.
    public static func exponential(
        initial: Duration, multiplier: Double, maximum: Duration, jitter: Jitter
    ) -> ReconnectSchedule {
        let maximum = maximum.bounded
        return ReconnectSchedule(
            kind: .exponential(
                initial: min(max(initial, .zero), maximum),
                multiplier: multiplier >= 1 ? multiplier : 1,
                maximum: maximum,
                jitter: jitter))
    }

    /// Delays that grow by a step with each failure in a row: n steps after the n-th, from zero to a century.
    public static func linear(step: Duration) -> ReconnectSchedule {
        ReconnectSchedule(kind: .linear(step: step.bounded))
    }

    /// The same delay each time, from zero to a century.
    public static func fixed(_ delay: Duration) -> ReconnectSchedule {
        ReconnectSchedule(kind: .fixed(delay.bounded))
    }

    /// The app's own delays; `nil` gives up. A delay below zero is none, and one beyond a century is a century.
    public static func custom(
        _ delay: @escaping @Sendable (ReconnectPolicy.Context) -> Duration?
    ) -> ReconnectSchedule {
        ReconnectSchedule(kind: .custom(delay))
    }

    /// Returns the wait after this failure; `nil` to give up.
    public func delay(
        _ context: ReconnectPolicy.Context, using generator: inout some RandomNumberGenerator
    ) -> Duration? {
        switch kind {
        case .exponential(let initial, let multiplier, let maximum, let jitter):
            let exponential = Self.exponential(
                initial: initial, multiplier: multiplier, maximum: maximum, failuresBefore: context.failuresBefore)
            switch jitter {
            case .none:
                return exponential
            case .full:
                return .random(in: .zero...exponential, using: &generator)
            case .equal:
                return .random(in: exponential / 2...exponential, using: &generator)
            case .decorrelated:
                let previous = max((context.previousDelay ?? initial).bounded, initial)
                let upper = previous > maximum / 3 ? maximum : previous * 3
                return .random(in: initial...max(initial, upper), using: &generator)
            }
        case .linear(let step):
            return step.multipliedWithinBounds(by: context.failuresBefore).addingWithinBounds(step)
        case .fixed(let delay):
            return delay
        case .custom(let delay):
            return delay(context)?.bounded
        }
    }

    /// Computed in floating point, where a thousand doublings are infinity rather than a trap, by squaring: the failures may
    /// be many and the multiplier next to 1.
    private static func exponential(
        initial: Duration, multiplier: Double, maximum: Duration, failuresBefore: Int
    ) -> Duration {
        guard initial > .zero, multiplier > 1 else { return initial }
        var factor = 1.0
        var power = multiplier
        var exponent = failuresBefore
        while exponent > 0 {
            if exponent & 1 == 1 { factor *= power }
            power *= power
            exponent >>= 1
        }
        let seconds = initial / .seconds(1) * factor
        return seconds < maximum / .seconds(1) ? .seconds(seconds) : maximum
    }
}

extension Duration {
    static func random(in range: ClosedRange<Duration>, using generator: inout some RandomNumberGenerator) -> Duration {
        // One draw for each delay, both ends included: 53 random bits fill a Double's significand.
        let fraction = Double(generator.next() >> 11) / Double((1 << 53) - 1)
        return range.lowerBound + (range.upperBound - range.lowerBound) * fraction
    }
}

/// A length of time, in whole nanoseconds.
public struct TimeAmount: Hashable, Comparable, Sendable {
    /// The number of nanoseconds.
    public let nanoseconds: Int64

    /// Nanoseconds.
    public static func nanoseconds(_ amount: Int64) -> TimeAmount { TimeAmount(nanoseconds: amount) }
    /// Microseconds.
    public static func microseconds(_ amount: Int64) -> TimeAmount { of(amount, 1_000) }
    /// Milliseconds.
    public static func milliseconds(_ amount: Int64) -> TimeAmount { of(amount, 1_000_000) }
    /// Seconds.
    public static func seconds(_ amount: Int64) -> TimeAmount { of(amount, 1_000_000_000) }
    /// Minutes.
    public static func minutes(_ amount: Int64) -> TimeAmount { of(amount, 60_000_000_000) }
    /// Hours.
    public static func hours(_ amount: Int64) -> TimeAmount { of(amount, 3_600_000_000_000) }

    public static func < (left: TimeAmount, right: TimeAmount) -> Bool { left.nanoseconds < right.nanoseconds }

    var duration: Duration { .nanoseconds(nanoseconds) }

    private static func of(_ amount: Int64, _ unit: Int64) -> TimeAmount {
        let (product, overflow) = amount.multipliedReportingOverflow(by: unit)
        return TimeAmount(nanoseconds: overflow ? (amount < 0 ? .min : .max) : product)
    }
}

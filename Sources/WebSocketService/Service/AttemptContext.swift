/// The facts that a closure which supplies a fresh URL and headers for each attempt is told.
public struct AttemptContext: Hashable, Sendable {
    /// The number of the attempt, from 1 for the first in a row.
    public let number: Int
}

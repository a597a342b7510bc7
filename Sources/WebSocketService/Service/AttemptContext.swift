/// The facts about an attempt to connect, for the closure that supplies its URL and headers.
public struct AttemptContext: Hashable, Sendable {
    /// The number of the attempt, from 1 for the first in a row.
    public let number: Int
}

/// What a closure that supplies a fresh URL and headers for each attempt is told.
public struct AttemptContext: Hashable, Sendable {
    /// Which attempt in a row it is, from 1.
    public let number: Int
}

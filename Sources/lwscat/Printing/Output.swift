/// A text to write, and where.
struct Output: Hashable, Sendable {
    enum Stream: Hashable, Sendable {
        case standardOutput
        case standardError
    }

    let stream: Stream
    /// Whole lines.
    let text: String
}

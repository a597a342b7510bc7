/// A closure of the app's took longer than it may.
struct DeadlineExceeded: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "it took longer than \(limit)" }
}

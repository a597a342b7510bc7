internal import Synchronization

/// A ``LogLimit`` that several threads share.
final class SharedLogLimit: Sendable {
    private let limit = Lock(LogLimit())

    /// Calls `log` with what to add to the line, unless there have been too many. It runs outside of the lock.
    func log(_ log: (_ suffix: String) -> Void) {
        switch limit.withLock({ $0.next(at: .now) }) {
        case .suppress: break
        case .log(suppressed: 0): log("")
        case .log(let suppressed): log(" (\(suppressed) more like this were not logged)")
        }
    }
}

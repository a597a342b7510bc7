import Synchronization

@testable import WebSocketService

extension PendingReplies {
    /// The number of the requests that a connection has taken.
    var sentCount: Int { entries.values.count { if case .sent = $0.progress { true } else { false } } }
}

extension Requests {
    var sentCount: Int { pending.withLock(\.sentCount) }
}

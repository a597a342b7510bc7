import Synchronization

@testable import LibWebSockets

/// Seconds since 1970 that a test moves.
final class TestTime: Sendable {
    private let offset = Lock<Int64>(0)
    func set(_ offset: Int64) { self.offset.withLock { $0 = offset } }
    /// The real time, which OpenSSL goes by, and the offset.
    @Sendable func now() -> Int64 { TLSSessionStore.systemTime() + offset.withLock { $0 } }
}

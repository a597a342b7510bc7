import Synchronization
import Foundation
import LibWebSockets
import Testing

@Suite struct LockTests {
    private final class Account: Sendable {
        let lock = Lock(0)
        nonisolated(unsafe) var unprotected = 0
    }

    /// Two threads of their own, since tasks of Swift's pool may take turns by chance.
    private func onTwoThreads(_ body: @escaping @Sendable () -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        Thread.detachNewThread {
                            body()
                            continuation.resume()
                        }
                    }
                }
            }
        }
    }

    @Test("What two threads count under a lock is all there") func countIsWholeUnderLock() async {
        let account = Account()
        await onTwoThreads { for _ in 0..<10_000 { account.lock.withLock { $0 += 1 } } }
        let count = account.lock.withLock { $0 }
        #expect(count == 20_000)
    }

    @Test("A lock that is held is not available, and one that is free is") func heldLockIsNotAvailable() {
        let lock = Lock(1)
        let whileHeld = lock.withLock { _ in lock.withLockIfAvailable { $0 } }
        let afterwards = lock.withLockIfAvailable { $0 }
        #expect(whileHeld == nil && afterwards == 1)
    }

    @Test("An error passes through a lock, which is free again then") func errorPassesThroughLock() {
        struct Failure: Error {}
        let lock = Lock(0)
        #expect(throws: Failure.self) { try lock.withLock { _ in throw Failure() } }
        let isFree = lock.withLockIfAvailable { _ in true } ?? false
        #expect(isFree)
    }

    /// A race on purpose: `scripts/sanitize thread` asks for it, and believes ThreadSanitizer when this is reported.
    @Suite struct DeliberateRaceTests {
        @Test(
            "Two threads change a variable without a lock",
            .enabled(if: ProcessInfo.processInfo.environment["DELIBERATE_RACE"] != nil))
        func unprotectedCountRaces() async {
            let account = Account()
            await LockTests().onTwoThreads { for _ in 0..<10_000 { account.unprotected += 1 } }
            #expect(account.unprotected > 0)
        }
    }
}

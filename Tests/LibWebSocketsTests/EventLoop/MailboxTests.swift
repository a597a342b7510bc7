import Synchronization
import TestSupport
import Testing

@testable import LibWebSockets

@Suite struct MailboxTests {
    private let mailbox = Mailbox()
    private let wakes = Counter()

    private func openMailbox() {
        mailbox.open { [wakes] in wakes.increment() }
    }

    private func post() -> Bool {
        mailbox.post(.run { _ in })
    }

    private func take() -> Int {
        var work: [LoopWork] = []
        mailbox.take(into: &work)
        return work.count
    }

    @Test("A burst costs a loop that waits one wake-up, and one that is at work none")
    func oneWakePerBatch() {
        openMailbox()
        #expect(mailbox.beginWaiting())
        for _ in 0..<1_000 { #expect(post()) }
        #expect(wakes.value == 1)
        #expect(take() == 1_000)
        #expect(take() == 0)
        #expect(wakes.value == 1)
        #expect(post())
        #expect(wakes.value == 1)
        #expect(!mailbox.beginWaiting(), "there is work")
        #expect(take() == 1)
        #expect(mailbox.beginWaiting())
        #expect(post())
        #expect(wakes.value == 2)
    }

    @Test("Work left before the loop runs wakes nobody and is found by its first turn")
    func beforeOpening() {
        #expect(post())
        #expect(post())
        openMailbox()
        #expect(!mailbox.beginWaiting())
        #expect(wakes.value == 0)
        #expect(take() == 2)
        #expect(mailbox.beginWaiting())
        #expect(post())
        #expect(wakes.value == 1)
    }

    @Test("Taking tells whether there was work, and leaves the storage alone when there was none")
    func nothingToTake() {
        var work: [LoopWork] = []
        #expect(!mailbox.take(into: &work))
        for _ in 0..<3 { #expect(post()) }
        #expect(mailbox.take(into: &work))
        #expect(work.count == 3)
        #expect(!mailbox.take(into: &work))
        #expect(work.count == 3)
    }

    @Test("Closing returns what still waits; from then on work is refused and nobody is woken")
    func close() {
        openMailbox()
        #expect(mailbox.beginWaiting())
        #expect(post())
        #expect(post())
        #expect(mailbox.close().count == 2)
        #expect(wakes.value == 1)
        #expect(!post())
        #expect(wakes.value == 1)
        #expect(take() == 0)
        #expect(mailbox.close().isEmpty)
    }

    @Test(
        "Of many threads that post while the loop takes and closes, each learns the truth: taken, returned or refused")
    func concurrentPosts() async {
        openMailbox()
        let accepted = Counter()
        let taken = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { [mailbox] in
                    for _ in 0..<2_000 where mailbox.post(.run { _ in }) { accepted.increment() }
                    return 0
                }
            }
            group.addTask { [mailbox] in
                var work: [LoopWork] = []
                var count = 0
                for _ in 0..<500 {
                    mailbox.take(into: &work)
                    count += work.count
                    work = []
                }
                return count + mailbox.close().count
            }
            return await group.reduce(0, +)
        }
        #expect(taken == accepted.value)
    }
}

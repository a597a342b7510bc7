import Testing
import WebSocketProtocol

@testable import LibWebSockets

@Suite(.hangs) struct InboundQueueTests {
    private static func messages(_ texts: String...) -> [WebSocketMessage] {
        texts.map { .text($0) }
    }

    /// The memory that messages of these sizes occupy, each in memory of its own: at least, and at most with the rounding
    /// of malloc(3) and twice the room in the array of messages.
    private static func memory(of sizes: Int...) -> ClosedRange<Int> {
        let payloads = sizes.reduce(0) { $0 + ($1 == 0 ? 0 : $1 + 48) }
        return payloads + 40 * sizes.count...payloads + 80 * sizes.count + 64 * sizes.count
    }

    @Test("Nothing is there before the first message")
    func empty() {
        var queue = InboundQueue()
        #expect(queue.takeWords() == "nothing")
        #expect(queue.byteCount == 0)
    }

    @Test("A full batch is taken as it came, and reading resumes when half of the queue is taken")
    func severalBatches() {
        var queue = InboundQueue()
        let batch = (0..<40).map { WebSocketMessage.text("\($0)") }
        let limit = 20_000
        while !queue.add(batch, limit: limit).pausesReading {}
        var (taken, resumed) = (0, 0)
        while case .messages(let messages, let resumesReading) = queue.take(limit: limit) {
            #expect(messages.map(\.text) == batch.map(\.text))
            taken += 1
            if resumesReading {
                resumed += 1
                #expect(queue.byteCount <= limit / 2)
                #expect(queue.byteCount > 0, "before the reader has nothing to do")
            }
        }
        #expect(taken > 2)
        #expect(resumed == 1)
        #expect(queue.byteCount == 0)
    }

    @Test("The few messages that several turns added are taken at once, in order")
    func batches() {
        var queue = InboundQueue()
        _ = queue.add("a", "b")
        _ = queue.add("c")
        #expect(Self.memory(of: 1, 1, 1).contains(queue.byteCount))
        #expect(queue.receivedMessageCount == 3)
        #expect(queue.receivedByteCount == 3)
        #expect(queue.takeWords() == "a b c")
        #expect(queue.byteCount == 0)
        #expect(queue.takeWords() == "nothing")
    }

    @Test("Where reading must go on, messages are kept up to the limit, and the rest stays unseen and is counted")
    func withoutPause() {
        var queue = InboundQueue()
        let kept = queue.add("ab", "cd", limit: 3, mayPause: false)
        #expect(kept.unseen == 0)
        #expect(!kept.pausesReading)
        let unseen = queue.add("ef", "gh", limit: 3, mayPause: false)
        #expect(unseen.unseen == 2)
        #expect(!unseen.pausesReading)
        #expect(queue.receivedMessageCount == 2)
        #expect(Self.memory(of: 2, 2).contains(queue.byteCount))
        #expect(queue.takeWords() == "ab cd")
        // There is room again.
        #expect(queue.add("ij", limit: 3, mayPause: false).unseen == 0)
        #expect(queue.takeWords() == "ij")
    }

    @Test("An empty turn changes nothing")
    func emptyRead() {
        var queue = InboundQueue()
        let delivery = queue.add([], byteCount: 0, payloadMemory: 0, limit: 0)
        #expect(!delivery.pausesReading)
        #expect(queue.takeWords() == "nothing")
    }

    @Test("Reading pauses once when the limit is reached, and resumes when all was taken")
    func pause() {
        var queue = InboundQueue()
        #expect(!queue.add("1234", limit: 150).pausesReading)
        #expect(queue.add("123456", limit: 150).pausesReading)
        #expect(queue.isPaused)
        // Bytes that were read already still come in; the network was told to pause once.
        #expect(!queue.add("more", limit: 150).pausesReading)
        #expect(queue.takeWords() == "1234 123456 more, resumes")
        #expect(!queue.isPaused)
        _ = queue.add("1", limit: 150)
        #expect(queue.takeWords() == "1")
    }

    @Test("Empty messages count as the memory that they occupy, in a batch and one by one")
    func emptyMessages() {
        let limit = 1 << 20
        var queue = InboundQueue()
        #expect(
            queue.add([WebSocketMessage](repeating: .binary([]), count: 30_000), limit: limit).pausesReading)
        #expect(Self.memory(of: 0).lowerBound == 40)
        #expect((30_000 * 40...30_200 * 40).contains(queue.byteCount))
        queue = InboundQueue()
        var count = 0
        while !queue.add("", limit: limit).pausesReading { count += 1 }
        #expect((13_000...26_400).contains(count))
        #expect(queue.byteCount < limit + 16_384, "the array of messages has room for more than the limit")
    }

    @Test("Only as much is to be read as there is room for, but not in crumbs, and nothing while there is no room")
    func budget() {
        var queue = InboundQueue()
        #expect(queue.budget(limit: 1_000, most: 300, mayPause: true) == 300)
        _ = queue.add(String(repeating: "x", count: 700), limit: 1_000)
        let left = queue.budget(limit: 1_000, most: 300, mayPause: true)
        #expect((1..<300).contains(1_000 - queue.byteCount))
        #expect(left == 300, "a turn for a few bytes each would cost more than they do")
        #expect(!queue.isPaused)
        _ = queue.add(String(repeating: "x", count: 700), limit: 10_000)
        #expect(queue.budget(limit: 1_000, most: 300, mayPause: false) == 300)
        #expect(queue.budget(limit: 1_000, most: 300, mayPause: true) == 0)
        #expect(queue.isPaused, "whoever takes the messages resumes reading")
    }

    @Test("Nothing is kept of what was taken")
    func storage() {
        var queue = InboundQueue()
        _ = queue.add([WebSocketMessage](repeating: .text("x"), count: 10_000), limit: 1 << 20)
        _ = queue.take(limit: 10_000)
        #expect(queue.byteCount == 0)
        _ = queue.add("one")
        guard case .messages(let batch, _) = queue.take(limit: 10_000) else {
            Issue.record("it is gone")
            return
        }
        #expect(batch.capacity < 10, "one message has room for thousands")
    }

    @Test("Messages put back come before those that arrived meanwhile, and count again")
    func putBack() {
        var queue = InboundQueue()
        _ = queue.add("a", "b", "c")
        let batch = queue.takeMessages()
        _ = queue.add("d")
        #expect(queue.putBack(batch[1...]) == nil)
        #expect(Self.memory(of: 1, 1, 1).contains(queue.byteCount))
        #expect(queue.takeWords() == "b c")
        #expect(queue.takeWords() == "d")
    }

    @Test("Messages put back keep the pause of reading within bounds: the next turn pauses again")
    func putBackPauses() {
        var queue = InboundQueue()
        #expect(queue.add("1234567890", limit: 90).pausesReading)
        let batch = queue.takeMessages()
        #expect(queue.putBack(batch[...]) == nil)
        #expect(queue.budget(limit: 90, most: 300, mayPause: true) == 0)
        #expect(queue.isPaused)
    }

    @Test("The end comes after the remaining messages, an error once, then plain ends")
    func endAfterMessages() {
        var queue = InboundQueue()
        _ = queue.add("last")
        #expect(queue.end(Loss()) == nil)
        #expect(queue.takeWords() == "last")
        #expect(queue.takeWords() == "Loss")
        #expect(queue.takeWords() == "end")
    }

    @Test("An orderly end has no error")
    func orderlyEnd() {
        var queue = InboundQueue()
        #expect(queue.end(nil) == nil)
        #expect(queue.takeWords() == "end")
    }

    @Test("Only the first end counts, and nothing is added after it")
    func afterTheEnd() {
        var queue = InboundQueue()
        _ = queue.end(nil)
        #expect(queue.end(Loss()) == nil)
        _ = queue.add("late")
        #expect(queue.takeWords() == "end")
        #expect(queue.receivedMessageCount == 0)
    }

    @Test("Messages put back after the end still come before it")
    func putBackAfterTheEnd() {
        var queue = InboundQueue()
        _ = queue.add("a", "b")
        let batch = queue.takeMessages()
        _ = queue.end(Loss())
        #expect(queue.putBack(batch[...]) == nil)
        #expect(queue.takeWords() == "a b")
        #expect(queue.takeWords() == "Loss")
    }

    // MARK: - Readers

    @Test("One message after the other is taken out of a batch, whose memory is free with the last")
    func oneByOne() {
        var queue = InboundQueue()
        _ = queue.add("a", "b")
        let full = queue.byteCount
        #expect(queue.takeOne(limit: 100)?.message == .text("a"))
        #expect(queue.byteCount == full)
        #expect(queue.takeOne(limit: 100)?.message == .text("b"))
        #expect(queue.byteCount == 0)
        #expect(queue.takeOne(limit: 100) == nil)
        _ = queue.add("c", "d", "e")
        let batch = queue.takeMessages()
        #expect(queue.putBack(batch.dropFirst()) == nil)
        #expect(queue.takeOne(limit: 100)?.message == .text("d"))
        #expect(queue.takeWords() == "e")
        #expect(queue.takeWords() == "nothing")
        #expect(queue.putBack([]) == nil)
        #expect(queue.takeWords() == "nothing")
    }
}

import Testing
import WebSocketProtocol

@testable import LibWebSockets

@Suite(.hangs) struct InboundQueueTests {
    private static func messages(_ texts: String...) -> [WebSocketMessage] {
        texts.map { .text($0) }
    }

    /// The result of a reader, in words: `a b`, with `resumes` when reading is to go on; `nothing`; `end` or `Loss`.
    private static func taken(from queue: inout InboundQueue) -> String {
        switch queue.take(limit: 10_000) {
        case .nothing: "nothing"
        case .end(let error): error.map { "\(type(of: $0))" } ?? "end"
        case .messages(let batch, let resumesReading):
            batch.map { $0.text ?? "?" }.joined(separator: " ") + (resumesReading ? ", resumes" : "")
        }
    }

    private static func takenMessages(from queue: inout InboundQueue) -> [WebSocketMessage] {
        guard case .messages(let batch, _) = queue.take(limit: 10_000) else { return [] }
        return batch
    }

    private struct Loss: Error {}

    private static func add(
        _ texts: String..., to queue: inout InboundQueue, limit: Int = 10_000, mayPause: Bool = true
    ) -> InboundQueue.Addition {
        add(texts.map { .text($0) }, to: &queue, limit: limit, mayPause: mayPause)
    }

    private static func add(
        _ batch: [WebSocketMessage], to queue: inout InboundQueue, limit: Int, mayPause: Bool = true
    ) -> InboundQueue.Addition {
        queue.add(
            batch, byteCount: batch.reduce(0) { $0 + $1.payload.count },
            payloadMemory: MessageMemory.ofPayloads(batch[...]), limit: limit, mayPause: mayPause)
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
        #expect(Self.taken(from: &queue) == "nothing")
        #expect(queue.byteCount == 0)
    }

    @Test("A full batch is taken as it came, and reading resumes when half of the queue is taken")
    func severalBatches() {
        var queue = InboundQueue()
        let batch = (0..<40).map { WebSocketMessage.text("\($0)") }
        let limit = 20_000
        while !Self.add(batch, to: &queue, limit: limit).pausesReading {}
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
        _ = Self.add("a", "b", to: &queue)
        _ = Self.add("c", to: &queue)
        #expect(Self.memory(of: 1, 1, 1).contains(queue.byteCount))
        #expect(queue.receivedMessageCount == 3)
        #expect(queue.receivedByteCount == 3)
        #expect(Self.taken(from: &queue) == "a b c")
        #expect(queue.byteCount == 0)
        #expect(Self.taken(from: &queue) == "nothing")
    }

    @Test("Where reading must go on, messages are kept up to the limit, and the rest stays unseen and is counted")
    func withoutPause() {
        var queue = InboundQueue()
        let kept = Self.add("ab", "cd", to: &queue, limit: 3, mayPause: false)
        #expect(kept.unseen == 0)
        #expect(!kept.pausesReading)
        let unseen = Self.add("ef", "gh", to: &queue, limit: 3, mayPause: false)
        #expect(unseen.unseen == 2)
        #expect(!unseen.pausesReading)
        #expect(queue.receivedMessageCount == 2)
        #expect(Self.memory(of: 2, 2).contains(queue.byteCount))
        #expect(Self.taken(from: &queue) == "ab cd")
        // There is room again.
        #expect(Self.add("ij", to: &queue, limit: 3, mayPause: false).unseen == 0)
        #expect(Self.taken(from: &queue) == "ij")
    }

    @Test("An empty turn changes nothing")
    func emptyTurn() {
        var queue = InboundQueue()
        let delivery = queue.add([], byteCount: 0, payloadMemory: 0, limit: 0)
        #expect(!delivery.pausesReading)
        #expect(Self.taken(from: &queue) == "nothing")
    }

    @Test("Reading pauses once when the limit is reached, and resumes when all was taken")
    func pause() {
        var queue = InboundQueue()
        #expect(!Self.add("1234", to: &queue, limit: 150).pausesReading)
        #expect(Self.add("123456", to: &queue, limit: 150).pausesReading)
        #expect(queue.isPaused)
        // Bytes that were read already still come in; the network was told to pause once.
        #expect(!Self.add("more", to: &queue, limit: 150).pausesReading)
        #expect(Self.taken(from: &queue) == "1234 123456 more, resumes")
        #expect(!queue.isPaused)
        _ = Self.add("1", to: &queue, limit: 150)
        #expect(Self.taken(from: &queue) == "1")
    }

    @Test("Empty messages count as the memory that they occupy, in a batch and one by one")
    func emptyMessages() {
        let limit = 1 << 20
        var queue = InboundQueue()
        #expect(
            Self.add([WebSocketMessage](repeating: .binary([]), count: 30_000), to: &queue, limit: limit).pausesReading)
        #expect(Self.memory(of: 0).lowerBound == 40)
        #expect((30_000 * 40...30_200 * 40).contains(queue.byteCount))
        queue = InboundQueue()
        var count = 0
        while !Self.add("", to: &queue, limit: limit).pausesReading { count += 1 }
        #expect((13_000...26_400).contains(count))
        #expect(queue.byteCount < limit + 16_384, "the array of messages has room for more than the limit")
    }

    @Test("Only as much is to be read as there is room for, but not in crumbs, and nothing while there is no room")
    func budget() {
        var queue = InboundQueue()
        #expect(queue.budget(limit: 1_000, most: 300, mayPause: true) == 300)
        _ = Self.add(String(repeating: "x", count: 700), to: &queue, limit: 1_000)
        let left = queue.budget(limit: 1_000, most: 300, mayPause: true)
        #expect((1..<300).contains(1_000 - queue.byteCount))
        #expect(left == 300, "a turn for a few bytes each would cost more than they do")
        #expect(!queue.isPaused)
        _ = Self.add(String(repeating: "x", count: 700), to: &queue, limit: 10_000)
        #expect(queue.budget(limit: 1_000, most: 300, mayPause: false) == 300)
        #expect(queue.budget(limit: 1_000, most: 300, mayPause: true) == 0)
        #expect(queue.isPaused, "whoever takes the messages resumes reading")
    }

    @Test("Nothing is kept of what was taken")
    func storage() {
        var queue = InboundQueue()
        _ = Self.add([WebSocketMessage](repeating: .text("x"), count: 10_000), to: &queue, limit: 1 << 20)
        _ = queue.take(limit: 10_000)
        #expect(queue.byteCount == 0)
        _ = Self.add("one", to: &queue)
        guard case .messages(let batch, _) = queue.take(limit: 10_000) else {
            Issue.record("it is gone")
            return
        }
        #expect(batch.capacity < 10, "one message has room for thousands")
    }

    @Test("Messages put back come before those that arrived meanwhile, and count again")
    func putBack() {
        var queue = InboundQueue()
        _ = Self.add("a", "b", "c", to: &queue)
        let batch = Self.takenMessages(from: &queue)
        _ = Self.add("d", to: &queue)
        #expect(queue.putBack(batch[1...]) == nil)
        #expect(Self.memory(of: 1, 1, 1).contains(queue.byteCount))
        #expect(Self.taken(from: &queue) == "b c")
        #expect(Self.taken(from: &queue) == "d")
    }

    @Test("Messages put back go to the reader that waits already")
    func putBackWhileSomebodyWaits() async throws {
        let queue = Lock(InboundQueue())
        let received = try await InboundQueue.MessageWaiter.wait { continuation in
            let (isWaiting, waiter) = queue.withLock { queue in
                _ = Self.add("a", "b", "c", to: &queue)
                let batch = Self.takenMessages(from: &queue)
                return (queue.wait(continuation, id: queue.makeWaiterID()), queue.putBack(batch[1...]))
            }
            #expect(isWaiting)
            waiter?.resume(returning: [.text("b"), .text("c")])
            if waiter == nil { continuation.resume(returning: nil) }
        }
        #expect(received == [.text("b"), .text("c")], "whoever waits would wait for ever")
        #expect(queue.withLock { Self.taken(from: &$0) } == "nothing")
    }

    @Test("Messages put back keep the pause of reading within bounds: the next turn pauses again")
    func putBackPauses() {
        var queue = InboundQueue()
        #expect(Self.add("1234567890", to: &queue, limit: 90).pausesReading)
        let batch = Self.takenMessages(from: &queue)
        #expect(queue.putBack(batch[...]) == nil)
        #expect(queue.budget(limit: 90, most: 300, mayPause: true) == 0)
        #expect(queue.isPaused)
    }

    @Test("The end comes after the remaining messages, an error once, then plain ends")
    func endAfterMessages() {
        var queue = InboundQueue()
        _ = Self.add("last", to: &queue)
        #expect(queue.end(Loss()) == nil)
        #expect(Self.taken(from: &queue) == "last")
        #expect(Self.taken(from: &queue) == "Loss")
        #expect(Self.taken(from: &queue) == "end")
    }

    @Test("An orderly end has no error")
    func orderlyEnd() {
        var queue = InboundQueue()
        #expect(queue.end(nil) == nil)
        #expect(Self.taken(from: &queue) == "end")
    }

    @Test("Only the first end counts, and nothing is added after it")
    func afterTheEnd() {
        var queue = InboundQueue()
        _ = queue.end(nil)
        #expect(queue.end(Loss()) == nil)
        _ = Self.add("late", to: &queue)
        #expect(Self.taken(from: &queue) == "end")
        #expect(queue.receivedMessageCount == 0)
    }

    @Test("Messages put back after the end still come before it")
    func putBackAfterTheEnd() {
        var queue = InboundQueue()
        _ = Self.add("a", "b", to: &queue)
        let batch = Self.takenMessages(from: &queue)
        _ = queue.end(Loss())
        #expect(queue.putBack(batch[...]) == nil)
        #expect(Self.taken(from: &queue) == "a b")
        #expect(Self.taken(from: &queue) == "Loss")
    }

    // MARK: - Readers

    /// Waits as a reader of `queue` until `body` has done with it.
    private func reader(
        of queue: inout InboundQueue, _ body: (inout InboundQueue, _ id: UInt64) -> Void
    ) async throws -> [String]? {
        let id = queue.makeWaiterID()
        var copy = queue
        defer { queue = copy }
        return try await InboundQueue.MessageWaiter.wait { continuation in
            #expect(copy.wait(continuation, id: id) == true)
            body(&copy, id)
        }?.map { $0.text ?? "?" }
    }

    /// Resumes the reader with what is there.
    private static func wake(_ queue: inout InboundQueue) {
        guard let (reader, batch, _) = queue.wake(limit: 10_000) else {
            Issue.record("nobody waits, or nothing has come")
            return
        }
        reader.resume(returning: batch)
    }

    @Test("A reader that waits gets the first batch when it is woken, and stops no reading by it")
    func waking() async throws {
        var queue = InboundQueue()
        #expect(queue.wake(limit: 1) == nil)
        let texts = try await reader(of: &queue) { queue, _ in
            #expect(queue.wake(limit: 1) == nil, "nothing has come")
            #expect(!Self.add("a", "b", to: &queue, limit: 1).pausesReading)
            Self.wake(&queue)
        }
        #expect(texts == ["a", "b"])
        #expect(queue.byteCount == 0)
        #expect(queue.receivedMessageCount == 2)
        #expect(Self.taken(from: &queue) == "nothing")
    }

    @Test("What has come for a reader that is about to be woken is nobody else's, and stays when it is cancelled")
    func betweenTwoReads() async throws {
        var queue = InboundQueue()
        let texts = try await reader(of: &queue) { queue, id in
            _ = Self.add("a", to: &queue)
            #expect(Self.taken(from: &queue) == "nothing")
            #expect(queue.takeOne(limit: 10_000) == nil)
            let first = queue.cancelWaiter(id: id)!
            #expect(queue.wait(first, id: id) == true)
            #expect(queue.wait(first, id: id + 1) == false, "a second reader is refused")
            // A second read of the same turn.
            _ = Self.add([WebSocketMessage](repeating: .text("b"), count: 40), to: &queue, limit: 10_000)
            Self.wake(&queue)
        }
        #expect(texts == ["a"])
        #expect(Self.takenMessages(from: &queue).count == 40)
    }

    @Test("A reader that is cancelled between two reads leaves the messages to the next one")
    func cancelledBetweenTwoReads() async throws {
        var queue = InboundQueue()
        await #expect(throws: CancellationError.self) {
            _ = try await self.reader(of: &queue) { queue, id in
                _ = Self.add("a", to: &queue)
                queue.cancelWaiter(id: id)?.resume(throwing: CancellationError())
            }
        }
        #expect(queue.wake(limit: 10_000) == nil)
        #expect(Self.taken(from: &queue) == "a")
    }

    @Test("One message after the other is taken out of a batch, whose memory is free with the last")
    func oneByOne() {
        var queue = InboundQueue()
        _ = Self.add("a", "b", to: &queue)
        let full = queue.byteCount
        #expect(queue.takeOne(limit: 100)?.message == .text("a"))
        #expect(queue.byteCount == full)
        #expect(queue.takeOne(limit: 100)?.message == .text("b"))
        #expect(queue.byteCount == 0)
        #expect(queue.takeOne(limit: 100) == nil)
        _ = Self.add("c", "d", "e", to: &queue)
        let batch = Self.takenMessages(from: &queue)
        #expect(queue.putBack(batch.dropFirst()) == nil)
        #expect(queue.takeOne(limit: 100)?.message == .text("d"))
        #expect(Self.taken(from: &queue) == "e")
        #expect(Self.taken(from: &queue) == "nothing")
        #expect(queue.putBack([]) == nil)
        #expect(Self.taken(from: &queue) == "nothing")
    }

    @Test("A second reader is refused, and the first one still gets its batch")
    func secondReader() async throws {
        var queue = InboundQueue()
        let texts = try await reader(of: &queue) { queue, id in
            let first = queue.cancelWaiter(id: id)!
            #expect(queue.wait(first, id: id) == true)
            #expect(queue.wait(first, id: id + 1) == false)
            #expect(queue.cancelWaiter(id: id + 1) == nil, "the refused reader must not cancel the first one")
            _ = Self.add("a", to: &queue)
            Self.wake(&queue)
        }
        #expect(texts == ["a"])
    }

    @Test("A cancelled reader is gone: the next batch is kept for the next one")
    func cancelledReader() async throws {
        var queue = InboundQueue()
        await #expect(throws: CancellationError.self) {
            _ = try await self.reader(of: &queue) { queue, id in
                #expect(queue.cancelWaiter(id: id + 1) == nil)
                queue.cancelWaiter(id: id)?.resume(throwing: CancellationError())
                #expect(queue.cancelWaiter(id: id) == nil)
            }
        }
        _ = Self.add("kept", to: &queue)
        #expect(Self.taken(from: &queue) == "kept")
    }

    @Test("A reader that waits is told of the end; whoever comes later sees a plain end")
    func endWhileWaiting() async throws {
        var queue = InboundQueue()
        await #expect(throws: Loss.self) {
            _ = try await self.reader(of: &queue) { queue, _ in
                queue.end(Loss())?.resume(throwing: Loss())
            }
        }
        #expect(Self.taken(from: &queue) == "end")
    }
}

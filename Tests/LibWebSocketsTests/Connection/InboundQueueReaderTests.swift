import Synchronization
import Testing
import WebSocketProtocol

@testable import LibWebSockets

@Suite(.hangs) struct InboundQueueReaderTests {
    @Test("Messages put back go to the reader that waits already")
    func putBackWhileSomebodyWaits() async throws {
        let queue = Lock(InboundQueue())
        let received = try await InboundQueue.MessageWaiter.wait { continuation in
            let (isWaiting, waiter) = queue.withLock { queue in
                _ = queue.add("a", "b", "c")
                let batch = queue.takeMessages()
                return (queue.wait(continuation, id: queue.makeWaiterID()), queue.putBack(batch[1...]))
            }
            #expect(isWaiting)
            waiter?.resume(returning: [.text("b"), .text("c")])
            if waiter == nil { continuation.resume(returning: nil) }
        }
        #expect(received == [.text("b"), .text("c")], "whoever waits would wait for ever")
        #expect(queue.withLock { $0.takeWords() } == "nothing")
    }

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
            #expect(!queue.add("a", "b", limit: 1).pausesReading)
            Self.wake(&queue)
        }
        #expect(texts == ["a", "b"])
        #expect(queue.byteCount == 0)
        #expect(queue.receivedMessageCount == 2)
        #expect(queue.takeWords() == "nothing")
    }

    @Test("What has come for a reader that is about to be woken is nobody else's, and stays when it is cancelled")
    func betweenTwoReads() async throws {
        var queue = InboundQueue()
        let texts = try await reader(of: &queue) { queue, id in
            _ = queue.add("a")
            #expect(queue.takeWords() == "nothing")
            #expect(queue.takeOne(limit: 10_000) == nil)
            let first = queue.cancelWaiter(id: id)!
            #expect(queue.wait(first, id: id) == true)
            #expect(queue.wait(first, id: id + 1) == false, "a second reader is refused")
            // A second read of the same turn.
            _ = queue.add([WebSocketMessage](repeating: .text("b"), count: 40), limit: 10_000)
            Self.wake(&queue)
        }
        #expect(texts == ["a"])
        #expect(queue.takeMessages().count == 40)
    }

    @Test("A reader that is cancelled between two reads leaves the messages to the next one")
    func cancelledBetweenTwoReads() async throws {
        var queue = InboundQueue()
        await #expect(throws: CancellationError.self) {
            _ = try await self.reader(of: &queue) { queue, id in
                _ = queue.add("a")
                queue.cancelWaiter(id: id)?.resume(throwing: CancellationError())
            }
        }
        #expect(queue.wake(limit: 10_000) == nil)
        #expect(queue.takeWords() == "a")
    }

    @Test("A second reader is refused, and the first one still gets its batch")
    func secondReader() async throws {
        var queue = InboundQueue()
        let texts = try await reader(of: &queue) { queue, id in
            let first = queue.cancelWaiter(id: id)!
            #expect(queue.wait(first, id: id) == true)
            #expect(queue.wait(first, id: id + 1) == false)
            #expect(queue.cancelWaiter(id: id + 1) == nil, "the refused reader must not cancel the first one")
            _ = queue.add("a")
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
        _ = queue.add("kept")
        #expect(queue.takeWords() == "kept")
    }

    @Test("A reader that waits is told of the end; whoever comes later sees a plain end")
    func endWhileWaiting() async throws {
        var queue = InboundQueue()
        await #expect(throws: Loss.self) {
            _ = try await self.reader(of: &queue) { queue, _ in
                queue.end(Loss())?.resume(throwing: Loss())
            }
        }
        #expect(queue.takeWords() == "end")
    }
}

import TestSupport
import Testing

@testable import LibWebSockets

@Suite(.hangs) struct SocketLoopTests {
    @Test("Work runs in order, on the one thread of the loop", arguments: SocketLoop.testBackends)
    func order(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let numbers = Collector<Int>()
        let threads = Collector<UInt>()
        for number in 0..<1_000 {
            try loop.submit { core in
                core.preconditionOnLoop()
                numbers.add(number)
                threads.add(currentThread)
            }
        }
        try await loop.run { _ in }
        #expect(numbers.all == Array(0..<1_000))
        #expect(Set(threads.all).count == 1)
        #expect(threads.all.first != currentThread)
        await loop.shutDown()
    }

    @Test(
        "The thread has a name, so that an operator can tell who uses the processor", arguments: SocketLoop.testBackends
    )
    func threadName(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let names = Collector<String>()
        try await loop.run { _ in names.add(currentThreadName) }
        #expect(names.all == ["socket-loop"])
        await loop.shutDown()
    }

    @Test(
        "Work submitted from several threads all runs, each thread's in its order", arguments: SocketLoop.testBackends)
    func concurrentSubmits(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let entries = Collector<(Int, Int)>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in 0..<8 {
                group.addTask {
                    for number in 0..<500 { try loop.submit { _ in entries.add((sender, number)) } }
                }
            }
            try await group.waitForAll()
        }
        try await loop.run { _ in }
        for sender in 0..<8 {
            #expect(entries.all.filter { $0.0 == sender }.map(\.1) == Array(0..<500))
        }
        await loop.shutDown()
    }

    @Test("Work may submit work, which runs in a later turn", arguments: SocketLoop.testBackends)
    func nestedSubmit(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let entries = Collector<String>()
        let done = Relay<Void>()
        try loop.submit { _ in
            try? loop.submit { _ in
                entries.add("inner")
                done.give(())
            }
            entries.add("outer")
        }
        try await done.take()
        #expect(entries.all == ["outer", "inner"])
        await loop.shutDown()
    }

    // MARK: - Groups

    @Test("A group hands out its loops in turn, and shuts all of them down")
    func group() async throws {
        let group = SocketLoopGroup(count: 3)
        let first = (0..<3).map { _ in ObjectIdentifier(group.next()) }
        #expect(Set(first).count == 3)
        #expect((0..<3).map { _ in ObjectIdentifier(group.next()) } == first)
        #expect(SocketLoopGroup(count: 0).loops.count == 1)
        #expect(SocketLoopGroup(count: -1).loops.count == 1)
        for loop in group.loops { try await loop.run { _ in } }
        await group.shutDown()
        for loop in group.loops { #expect(throws: WebSocketError.self) { try loop.submit { _ in } } }
    }

    /// Takes longer than a turn has for all of its kind.
    private final class Costly: LoopSocket {
        let record: (String) -> Void
        init(core: LoopCore, record: @escaping (String) -> Void) {
            self.record = record
            super.init(core: core)
        }
        override var isCostly: Bool { true }
        override func service() {
            let start = ContinuousClock.now
            while start.duration(to: .now) < .milliseconds(3) {}
            record("costly")
        }
    }

    private final class Cheap: LoopSocket {
        let record: (String) -> Void
        init(core: LoopCore, record: @escaping (String) -> Void) {
            self.record = record
            super.init(core: core)
        }
        override func service() {
            record("cheap")
            serviceAfterTurn()
        }
    }

    @Test("A wave of handshakes takes turns with what is open", arguments: SocketLoop.testBackends)
    func costlySockets(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let order = Collector<String>()
        try await loop.run { core in
            for _ in 0..<10 { Costly(core: core) { order.add($0) }.serviceAfterTurn() }
            Cheap(core: core) { order.add($0) }.serviceAfterTurn()
        }
        try await eventually { order.all.count { $0 == "costly" } == 10 }
        let waits = order.all.split(separator: "cheap").map(\.count)
        #expect(waits.allSatisfy { $0 == 1 }, "\(waits)")
        await loop.shutDown()
    }
}

import Synchronization
import LibC
import COpenSSL
import TestSupport
import Testing
import WebSocketProtocol

@testable import LibWebSockets

/// A pipe over one end of a socket pair; the test plays the peer at the other end.
@Suite(.hangs) struct BytePipeTests {
    /// Everything in it belongs to the loop's thread, except what is under the lock. `@unchecked Sendable` for that.
    final class Consumer: PipeConsumer, @unchecked Sendable {
        struct Seen {
            var bytes: [UInt8] = []
            var offers = 0
            var end: PipeEnd?
            var unused: [UInt8] = []
            var written = 0
            /// The bytes that have gone out after they were taken, and the number of times that the system took no more.
            var sentLater = 0
            var blocks = 0
        }

        let seen = Lock(Seen())
        var pipe: BytePipe?
        /// The number of bytes of each offer that are used; all of them without.
        var most: Int?
        var output: ArraySlice<UInt8> = []
        var endsAfterOutput = false
        /// The answer when something has arrived.
        var answer: ArraySlice<UInt8> = []

        func pipeDidReceive(_ bytes: UnsafeMutableRawBufferPointer) -> Int? {
            if !answer.isEmpty {
                output += answer
                pipe?.requestWrite()
            }
            let count = min(bytes.count, most ?? .max)
            seen.withLock { seen in
                seen.bytes += bytes[..<count]
                seen.offers += 1
            }
            return count
        }

        func pipeIsWritable() -> Bool {
            while !output.isEmpty, let count = output.withUnsafeBytes({ pipe?.write($0) }), count > 0 {
                output.removeFirst(count)
                seen.withLock { $0.written += count }
            }
            if !output.isEmpty { pipe?.requestWrite() }
            return !(endsAfterOutput && output.isEmpty)
        }

        func pipeDidSend(_ count: Int) {
            seen.withLock { $0.sentLater += count }
        }

        func pipeIsBlocked() {
            seen.withLock { $0.blocks += 1 }
        }

        func pipeDidEnd(_ end: PipeEnd, unused: [UInt8]) {
            pipe = nil
            seen.withLock { seen in
                seen.end = end
                seen.unused = unused
            }
        }

        var bytes: [UInt8] { seen.withLock { $0.bytes } }
        var end: PipeEnd? { seen.withLock { $0.end } }
    }

    struct Fixture {
        let loop: SocketLoop
        let consumer: Consumer
        let sockets: SocketPair

        func onLoop(_ body: @escaping @Sendable (Consumer) -> Void) async throws {
            try await loop.run { [consumer] _ in body(consumer) }
        }

        func send(_ bytes: [UInt8]) {
            #expect(write(sockets.server, bytes, bytes.count) == bytes.count)
        }

        /// The bytes that have arrived at the peer's end.
        func receive() -> [UInt8] {
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            let count = read(sockets.server, &buffer, buffer.count)
            return count > 0 ? Array(buffer[..<count]) : []
        }
    }

    func withPipe(_ body: (Fixture) async throws -> Void) async throws {
        for backend in SocketLoop.testBackends {
            let loop = SocketLoop(backend: backend)
            let fixture = Fixture(loop: loop, consumer: Consumer(), sockets: try SocketPair())
            let descriptor = fcntl(fixture.sockets.client, F_DUPFD_CLOEXEC, 0)
            try await loop.run { [consumer = fixture.consumer] core in
                consumer.pipe = try? BytePipe.make(descriptor, core: core, consumer: consumer)
            }
            try await body(fixture)
            await loop.shutDown()
            #expect(fixture.consumer.end != nil, "the end was not told")
            let socket = Self.inode(of: fixture.sockets.client)
            let open = OpenSockets.descriptors().filter { Self.inode(of: $0) == socket }
            #expect(open == [fixture.sockets.client], "a descriptor stays open")
        }
    }

    private static func inode(of descriptor: Int32) -> UInt64? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    @Test("What is not used is offered again, in a later turn, before anything that comes later")
    func unused() async throws {
        try await withPipe { fixture in
            try await fixture.onLoop { $0.most = 3 }
            fixture.send(Array("abcdefg".utf8))
            try await eventually { fixture.consumer.bytes.count == 7 }
            fixture.send(Array("hi".utf8))
            try await eventually { fixture.consumer.bytes.count == 9 }
            #expect(fixture.consumer.bytes == Array("abcdefghi".utf8))
            #expect(fixture.consumer.seen.withLock { $0.offers } == 4)
        }
    }

    @Test("A pipe that is not read leaves the bytes where they are, and costs nothing")
    func paused() async throws {
        try await withPipe { fixture in
            try await fixture.onLoop { $0.pipe?.setReading(false) }
            fixture.send([1, 2, 3])
            #expect(try await fixture.loop.load(during: .milliseconds(100)) < 0.5)
            #expect(fixture.consumer.bytes.isEmpty)
            try await fixture.onLoop { $0.pipe?.setReading(true) }
            try await eventually { fixture.consumer.bytes == [1, 2, 3] }
        }
    }

    @Test("Bytes in front of the end come first, and those not used come with it")
    func end() async throws {
        try await withPipe { fixture in
            try await fixture.onLoop { $0.most = 2 }
            let release = await fixture.loop.occupy()
            fixture.send([1, 2, 3, 4, 5])
            fixture.sockets.closeServer()
            release()
            try await eventually { fixture.consumer.end != nil }
            let all = fixture.consumer.seen.withLock { $0.bytes + $0.unused }
            #expect(all == [1, 2, 3, 4, 5])
        }
    }

    @Test("Output that the system does not take waits, and goes on when it does, all of it in order")
    func backPressure() async throws {
        try await withPipe { fixture in
            let bytes = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try await fixture.onLoop { consumer in
                consumer.output = bytes[...]
                consumer.pipe?.requestWrite()
            }
            let before = try await standstill { fixture.consumer.seen.withLock { $0.written } }
            #expect(before < bytes.count)
            #expect(try await fixture.loop.load(during: .milliseconds(100)) < 0.5)
            var received: [UInt8] = []
            try await eventually {
                received += fixture.receive()
                return received.count == bytes.count
            }
            #expect(received == bytes)
        }
    }

    @Test("A pipe that has said everything ends its side, and is gone when the peer ends its own")
    func endOfOutput() async throws {
        try await withPipe { fixture in
            try await fixture.onLoop { consumer in
                consumer.output = [9, 8, 7]
                consumer.endsAfterOutput = true
                consumer.pipe?.requestWrite()
            }
            try await eventually { fixture.consumer.end != nil }
            // Nothing of it is lost although something arrives that nobody reads any more.
            fixture.send([0, 0, 0])
            #expect(fixture.receive() == [9, 8, 7])
            #expect(fixture.receive() == [])
        }
    }

    @Test("What the peer said before it went is heard although a write has failed first")
    func remainingInput() async throws {
        try await withPipe { fixture in
            let release = await fixture.loop.occupy()
            fixture.send([5, 5, 5])
            try fixture.loop.submit { [consumer = fixture.consumer] _ in
                consumer.output = [1]
                consumer.pipe?.requestWrite()
            }
            fixture.sockets.closeServer()
            release()
            try await eventually { fixture.consumer.end != nil }
            #expect(fixture.consumer.seen.withLock { $0.bytes + $0.unused } == [5, 5, 5])
        }
    }

    @Test("A connection on which nothing can be written is one that the peer has reset, and no broken pipe")
    func nothingCanBeWritten() async throws {
        try await withPipe { fixture in
            #expect(shutdown(fixture.sockets.client, CInt(SHUT_WR)) == 0)
            try await fixture.onLoop { consumer in
                consumer.output = [1]
                consumer.pipe?.requestWrite()
            }
            try await eventually { fixture.consumer.end != nil }
            #expect(fixture.consumer.end?.cause.errno == ECONNRESET)
        }
    }

    @Test("A reset is told although nobody reads, and what had arrived comes with it")
    func resetWhilePaused() async throws {
        try await withPipe { fixture in
            try await fixture.onLoop { $0.pipe?.setReading(false) }
            fixture.send([1, 2, 3])
            // Of this kind of socket, the end of both directions.
            fixture.sockets.closeServer()
            try await eventually { fixture.consumer.end != nil }
            #expect(fixture.consumer.seen.withLock { $0.bytes + $0.unused } == [1, 2, 3])
        }
    }

    @Test("A close that libwebsockets tells of twice, as 4.3.5 does of a hang-up, leaves no descriptor")
    func closedTwice() async throws {
        try await withPipe { fixture in
            fixture.send([1, 2, 3])
            try await fixture.onLoop { consumer in
                for _ in 0..<2 { _ = consumer.pipe?.handle(.closed) }
            }
            fixture.sockets.closeServer()
            try await eventually { fixture.consumer.end != nil }
            #expect(fixture.consumer.bytes == [1, 2, 3])
        }
    }
}

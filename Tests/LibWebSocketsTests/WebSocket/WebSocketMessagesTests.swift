import Synchronization
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.hangs) struct WebSocketMessagesTests {
    @Test("Leaving an iteration and beginning another one loses nothing, wherever it was left")
    func breakAndGoOn() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            for number in 0..<1_000 { try await server.send("\(number)") }
            var received: [String] = []
            while received.count < 1_000 {
                // Each of these iterations takes whatever has arrived and uses a few of it.
                var used = 0
                for try await message in client.messages {
                    received.append(message.text ?? "?")
                    used += 1
                    if used == 7 || received.count == 1_000 { break }
                }
            }
            #expect(received == (0..<1_000).map { "\($0)" })
        }
    }

    @Test("An iterator that is dropped gives its rest to nextMessages(), in front of what came later")
    func rest() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            do {
                for text in ["a", "b", "c"] { try await server.send(text) }
                _ = try await server.ping()
                let iterator = client.messages.makeAsyncIterator()
                #expect(try await iterator.next() == .text("a"))
                try await server.send("d")
                _ = try await server.ping()
            }
            var rest: [WebSocketMessage] = []
            while rest.count < 3 { rest += try await client.nextMessages() ?? [] }
            #expect(rest == [.text("b"), .text("c"), .text("d")])
        }
    }

    private final class Received: Sendable {
        let numbers = Lock<[Int]>([])
    }

    @Test("Of readers that are cancelled and not awaited, none loses a message, waits for ever or is refused")
    func cancelledReaders() async throws {
        let total = 30_000
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            let sending = Task { for number in 0..<total { try await server.send("\(number)") } }
            let received = Received()
            var readers: [Task<Void, any Error>] = []
            while received.numbers.withLock({ $0.count < total }), readers.count < 20_000 {
                let reader = Task {
                    while let batch = try await client.nextMessages() {
                        received.numbers.withLock { $0 += batch.compactMap { Int($0.text ?? "") } }
                    }
                }
                readers.append(reader)
                try await Task.sleep(for: .microseconds(readers.count % 7 * 100))
                reader.cancel()
            }
            try await sending.value
            for reader in readers {
                await #expect(throws: CancellationError.self) { try await reader.value }
            }
            // A reader that was cancelled may note its batch after the next one has noted the next.
            #expect(received.numbers.withLock { $0.sorted() } == Array(0..<total))
        }
    }

    @Test("receive() takes one message after the other out of what came together")
    func oneByOne() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            for number in 0..<1_000 { try await server.send("\(number)") }
            var texts: [String?] = []
            for _ in 0..<1_000 { texts.append(try await client.receive()?.text) }
            #expect(texts == (0..<1_000).map { "\($0)" })
        }
    }

    @Test("Two tasks cannot wait for messages at once: the second is told so, the first goes on")
    func secondReader() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            // One of the two waits first, no matter which; the other one fails at once.
            let outcomes = Relay<Result<[WebSocketMessage]?, any Error>>()
            for _ in 0..<2 {
                Task {
                    do {
                        outcomes.give(.success(try await client.nextMessages()))
                    } catch {
                        outcomes.give(.failure(error))
                    }
                }
            }
            let refused = try await outcomes.take()
            let error = try #require(throws: WebSocketError.self) { try refused.get() }
            #expect(error.code == .invalidConfiguration)
            #expect(error.message.contains("two tasks wait for the messages of one connection"))
            try await server.send("for the first")
            #expect(try await outcomes.take().get() == [.text("for the first")])
        }
    }

    @Test("After a close handshake the iteration ends without an error, and stays ended")
    func orderlyEnd() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            try await server.send("last")
            await server.close()
            #expect(try await client.receiveAll() == [.text("last")])
            #expect(try await client.receiveAll() == [])
            #expect(try await client.nextMessages() == nil)
        }
    }

    @Test("A cancelled reader returns, and the next one gets the messages")
    func cancelledReader() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            let reading = Task { try await client.nextMessages() }
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            try await server.send("kept")
            #expect(try await client.nextMessages() == [.text("kept")])
        }
    }

    @Test("Cancelling while messages arrive loses none of them")
    func cancellationRace() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            async let sending: Void = {
                for number in 0..<3_000 { try await server.send("\(number)") }
            }()
            var received: [String] = []
            while received.count < 3_000 {
                let reading = Task { try await client.nextMessages() }
                let cancelling = Task { reading.cancel() }
                if let batch = try? await reading.value { received += batch.map { $0.text ?? "?" } }
                await cancelling.value
            }
            try await sending
            #expect(received == (0..<3_000).map { "\($0)" })
        }
    }

    @Test("The peer's end does not overtake its messages, however they are read", arguments: Security.allCases)
    func endComesLast(security: Security) async throws {
        // The server waits for the client's close frame until everything before it was read here.
        let configuration = WebSocketConfiguration(receiveBufferSize: 1_000, closeTimeout: .seconds(86_400))
        let serverConfiguration = WebSocketServer.Configuration(closeTimeout: .seconds(86_400))
        try await withServer(security, configuration: serverConfiguration, client: configuration) { pair in
            let (client, server) = try await pair.connectPair()
            async let closing = {
                for number in 0..<500 { try await server.send([UInt8](repeating: UInt8(number & 0xFF), count: 2_000)) }
                return await server.close(code: .goingAway)
            }()
            // Slow on purpose: reading from the network stops and starts all the time.
            var count = 0
            while let batch = try await client.nextMessages() {
                for message in batch {
                    #expect(message.payload.first == UInt8(count & 0xFF))
                    count += 1
                }
                await Task.yield()
            }
            #expect(count == 500)
            #expect(try await closing.code == .goingAway)
            #expect(client.closure?.code == .goingAway)
        }
    }

    @Test("A peer that closes while nobody reads keeps its messages readable until later", arguments: Security.allCases)
    func pausedWhilePeerCloses(security: Security) async throws {
        let configuration = WebSocketConfiguration(receiveBufferSize: 1_000)
        let message = FaultServer.Frame.binary([UInt8](repeating: 3, count: 2_000))
        let script: [FaultServer.Step] = [
            .upgrade(), .flood(message.bytes, count: 500), .write(.close(1001)), .closeNotify, .shutDownWriting,
            .readUntilEnd,
        ]
        try await withFaultServer(script, security: security, configuration: configuration) { _, socket in
            let received = try await socket.receiveAll()
            #expect(received.count == 500)
            #expect(socket.closure?.code == .goingAway)
        }
    }
}

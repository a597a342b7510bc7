import Synchronization
import LibC
import COpenSSL
import TestSupport
import Testing
import WebSocketProtocol

@testable import LibWebSockets

/// Over TLS, where reads and records end in different places.
extension BytePipeTests {
    @Test("A peer that goes with the TLS handshake half said has gone at once")
    func endOfHandshake() async throws {
        try await withPipe { fixture in
            try await startTLS(fixture)
            let release = await fixture.loop.occupy()
            // The beginning of a record.
            fixture.send([22, 3, 3, 0, 100, 2])
            fixture.sockets.closeServer()
            release()
            try await eventually { fixture.consumer.end != nil }
        }
    }

    @Test("What answers the peer's last words goes out, although its end came in the same read")
    func answerToTheEnd() async throws {
        try await withPipe { fixture in
            let server = try await secured(fixture)
            try await fixture.onLoop { $0.answer = [4, 5, 6] }
            let words: [UInt8] = [1, 2, 3]
            _ = words.withUnsafeBytes { server.stream.write($0) }
            server.stream.shutDown()
            fixture.send(Array(server.output.bytes))
            try await eventually { fixture.consumer.end != nil }
            #expect(fixture.consumer.bytes == words)
            var received: [UInt8] = []
            let bytes = fixture.receive()
            bytes.withUnsafeBytes { bytes in
                server.stream.feed(bytes)
                var buffer = [UInt8](repeating: 0, count: 100)
                if case .made(let count) = buffer.withUnsafeMutableBytes({ server.stream.read($0) }) {
                    received = Array(buffer[..<count])
                }
                server.stream.discardInput()
            }
            #expect(received == [4, 5, 6])
        }
    }

    @Test(
        "A write that TLS does not take yet goes on when the rest of the peer's ticket has come, whether anybody reads or not",
        arguments: [true, false])
    func partOfATicket(isReading: Bool) async throws {
        try await withPipe { fixture in
            let (server, output, _) = try await secured(fixture)
            let data = [UInt8](repeating: 7, count: 3_000)
            try #require(SSL_SESSION_set1_ticket_appdata(SSL_get_session(server.ssl), data, data.count) == 1)
            try #require(SSL_ctrl(server.ssl, SSL_CTRL_SET_MAX_SEND_FRAGMENT, 512, nil) == 1)
            try #require(SSL_new_session_ticket(server.ssl) == 1)
            try #require(SSL_do_handshake(server.ssl) == 1)
            let records = Array(output.bytes)
            output.removeAll()
            fixture.send(Array(records[..<1_000]))
            // Until the pipe has read it: nothing is left to peek at.
            try await eventually {
                var byte: UInt8 = 0
                return recv(fixture.sockets.client, &byte, 1, CInt(MSG_PEEK | MSG_DONTWAIT)) < 0
            }
            try await fixture.onLoop { consumer in
                consumer.pipe?.setReading(isReading)
                consumer.output = [1, 2, 3]
                consumer.pipe?.requestWrite()
            }
            #expect(try await fixture.loop.load(during: .milliseconds(100)) < 0.5)
            #expect(fixture.consumer.seen.withLock { $0.written } == 0)
            #expect(fixture.consumer.end == nil)
            fixture.send(Array(records[1_000...]))
            try await eventually { fixture.consumer.seen.withLock { $0.written } == 3 || fixture.consumer.end != nil }
            #expect(fixture.consumer.end == nil)
        }
    }

    @Test(
        "What had arrived over TLS before the end is all there, wherever records and reads end",
        arguments: [1_000, 5_000, 16_384])
    func lastRecords(size: Int) async throws {
        try await withPipe { fixture in
            let (server, output, _) = try await secured(fixture)
            // More than two reads, of which the first ends in a record, so that the second fills its buffer with whole ones.
            let (count, first) = (300_000 / size, 131_000)
            for index in 0..<count {
                let message = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size)
                #expect(message.withUnsafeBytes { server.write($0) } == size)
            }
            let records = Array(output.bytes)
            output.removeAll()
            fixture.send(Array(records[..<first]))
            try await eventually { fixture.consumer.bytes.count > first - first / 10 - size }
            try await fixture.onLoop { $0.pipe?.setReading(false) }
            fixture.send(Array(records[first...]))
            fixture.sockets.closeServer()
            try await eventually { fixture.consumer.end != nil }
            let bytes = fixture.consumer.seen.withLock { $0.bytes + $0.unused }
            #expect(bytes.count == count * size)
            #expect(bytes.last == UInt8(truncatingIfNeeded: count - 1))
        }
    }

    @Test("What TLS has taken and the system has not is told when the peer reads on")
    func recordsThatWait() async throws {
        try await withPipe { fixture in
            let (server, _, context) = try await secured(fixture)
            let size = 1 << 20
            try await fixture.onLoop { consumer in
                consumer.output = [UInt8](repeating: 1, count: size)[...]
                consumer.pipe?.requestWrite()
            }
            try await eventually { fixture.consumer.seen.withLock { $0.blocks > 0 } }
            try await fixture.onLoop { #expect($0.pipe?.hasUnsent == true) }
            #expect(fixture.consumer.seen.withLock { $0.sentLater } == 0)
            var received = 0
            try await eventually {
                received += fixture.receive().count
                return received > size
            }
            #expect(fixture.consumer.seen.withLock { $0.sentLater } > 0)
            try await fixture.onLoop { #expect($0.pipe?.hasUnsent == false) }
            withExtendedLifetime((server, context)) {}
        }
    }

    private func startTLS(_ fixture: Fixture) async throws {
        try await fixture.loop.run { [consumer = fixture.consumer] core in
            do {
                let handshake = try TLSHandshake(
                    context: try TLSClientContext(try Security.tls.client),
                    configuration: try Security.tls.client, host: "localhost", port: 443)
                consumer.pipe?.startTLS(try handshake.begin(output: core.encryptedOutput))
            } catch {
                Issue.record(error)
            }
        }
    }

    /// Begins TLS and plays the server until it stands.
    private func secured(
        _ fixture: Fixture
    ) async throws -> (stream: TLSStream, output: FrameBuffer, context: TLSServerContext) {
        let context = try TLSServerContext(try #require(try Security.tls.server))
        try await startTLS(fixture)
        let output = FrameBuffer()
        let server = try TLSStream(acceptingWith: context.sslContext, output: output)
        try await eventually {
            let bytes = fixture.receive()
            bytes.withUnsafeBytes { bytes in
                if server.isHungry { server.feed(bytes) }
                _ = server.shakeHands()
                server.keepInput()
            }
            if !output.isEmpty { fixture.send(Array(output.bytes)) }
            output.removeAll()
            return server.isEstablished
        }
        return (server, output, context)
    }

    @Test("Nothing but KeyUpdates does not keep the loop: others get their turn in between")
    func keyUpdates() async throws {
        try await withPipe { fixture in
            let (server, output, _) = try await secured(fixture)
            let count = 3_000
            for _ in 0..<count {
                #expect(SSL_key_update(server.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
                #expect(SSL_do_handshake(server.ssl) == 1)
            }
            let last: [UInt8] = [42]
            _ = last.withUnsafeBytes { server.write($0) }
            let release = await fixture.loop.occupy()
            fixture.send(Array(output.bytes))
            let turns = Counter()
            Self.countTurns(fixture.loop, until: fixture.consumer, turns)
            release()
            try await eventually { fixture.consumer.bytes == [42] }
            #expect(turns.value > count / 64 / 2, "\(turns.value) turns")
        }
    }

    /// Counts the turns of the loop until the consumer has seen something.
    private static func countTurns(_ loop: SocketLoop, until consumer: Consumer, _ turns: Counter) {
        try? loop.submit { _ in
            guard consumer.bytes.isEmpty else { return }
            turns.increment()
            countTurns(loop, until: consumer, turns)
        }
    }
}

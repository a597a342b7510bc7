import Foundation
import LibWebSockets
import Testing

@Suite("Echo through Python's websockets", .needsEchoServer, .timeLimit(.minutes(5)))
struct EchoTests {
    /// About 0.75 GB each way over wss, a tenth of that over ws, by the distribution that ``RandomMessages`` describes.
    @Test(
        "Random messages of 0 B to 1 MiB come back intact and in order, sent and read at the same time",
        arguments: [("wss", 10_000), ("ws", 1_000)])
    func randomMessages(scheme: String, count: Int) async throws {
        let fixture = try TLSFixture()
        var options = EchoServerOptions(certificate: scheme == "wss" ? fixture.certificate : nil)
        options.compression = false
        let seed: UInt64 = 0x5EED
        try await withEchoServer(options) { server in
            let socket = try await WebSocket.connect(
                to: server.url(scheme: scheme), configuration: WebSocketConfiguration(tls: fixture.client))
            let (bytes, duration) = try await timed {
                async let sending: Void = {
                    var messages = RandomMessages(seed: seed, maximumSize: 1 << 20)
                    for _ in 0..<count { try await socket.send(messages.next()) }
                }()
                var expected = RandomMessages(seed: seed, maximumSize: 1 << 20)
                var (received, bytes) = (0, 0)
                for try await message in socket.messages {
                    let next = expected.next()
                    try #require(next.equals(message), "message \(received) of \(next.bytes.count) bytes differs")
                    received += 1
                    bytes += message.payload.count
                    if received == count { break }
                }
                try await sending
                #expect(received == count)
                return bytes
            }
            let closure = await socket.close()
            #expect(closure.isClean && closure.code == .normalClosure)
            #expect(socket.statistics.messagesReceived == count)
            #expect(socket.statistics.bytesReceived == bytes && socket.statistics.bytesSent == bytes)
            print("\(scheme): \(count) messages, \(bytes / 1_000_000) MB each way, in \(duration)")
        }
    }

    @Test("Messages that the server fragments, and ones that this side streams in fragments, arrive whole")
    func fragments() async throws {
        try await withSecureEchoServer {
            $0.fragmentSize = 1_000
            $0.compression = false
        } _: { server, configuration in
            let socket = try await WebSocket.connect(
                to: server.url(scheme: "wss"), configuration: configuration)
            let count = 200
            async let sending: Void = {
                var messages = RandomMessages(seed: 7, maximumSize: 1 << 16)
                for _ in 0..<count {
                    let message = messages.next()
                    try await socket.sendMessage(message.kind) { writer in
                        var rest = message.bytes
                        while !rest.isEmpty {
                            try await writer.write(rest.prefix(777))
                            rest = rest.dropFirst(777)
                        }
                    }
                }
            }()
            var expected = RandomMessages(seed: 7, maximumSize: 1 << 16)
            var received = 0
            for try await message in socket.messages {
                try #require(expected.next().equals(message), "message \(received) differs")
                received += 1
                if received == count { break }
            }
            try await sending
            await socket.close()
        }
    }
}

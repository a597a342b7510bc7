import Foundation
import LibWebSockets
import Testing

@Suite("permessage-deflate with Python's websockets", .needsEchoServer, .timeLimit(.minutes(5)))
struct CompressionTests {
    /// What is sent, from little to compress (random bytes, random text) to much.
    private static func repetitive(_ message: RandomMessages.Message) -> [UInt8] {
        let line = Array(message.bytes.prefix(60))
        guard !line.isEmpty else { return [] }
        return Array(repeatElement(line, count: message.bytes.count / line.count + 1).joined())
    }

    @Test("1,000 random messages of 0 B to 4 MiB come back intact, compressed and fragmented both ways")
    func randomMessages() async throws {
        try await withSecureEchoServer {
            $0.fragmentSize = 100_000
        } _: { server, configuration in
            var configuration = configuration
            configuration.compression = .automatic
            let socket = try await WebSocket.connect(to: server.url(scheme: "wss"), configuration: configuration)
            #expect(socket.handshake.extensions.map(\.name) == ["permessage-deflate"])
            let count = 1_000
            let (bytes, duration) = try await timed {
                async let sending: Void = {
                    var messages = RandomMessages(seed: 9, maximumSize: 4 << 20)
                    for number in 0..<count {
                        let message = messages.next()
                        if number.isMultiple(of: 3) {
                            try await socket.send(Self.repetitive(message))
                        } else if number.isMultiple(of: 2) {
                            try await socket.send(message)
                        } else {
                            try await socket.sendMessage(message.kind) { writer in
                                var rest = message.bytes
                                while !rest.isEmpty {
                                    try await writer.write(rest.prefix(50_000))
                                    rest = rest.dropFirst(50_000)
                                }
                            }
                        }
                    }
                }()
                var expected = RandomMessages(seed: 9, maximumSize: 4 << 20)
                var (received, bytes) = (0, 0)
                for try await message in socket.messages {
                    var next = expected.next()
                    if received.isMultiple(of: 3) {
                        next = RandomMessages.Message(kind: .binary, bytes: Self.repetitive(next)[...])
                    }
                    try #require(next.equals(message), "message \(received) of \(next.bytes.count) bytes differs")
                    received += 1
                    bytes += message.payload.count
                    if received == count { break }
                }
                try await sending
                #expect(received == count)
                return bytes
            }
            let networkBytes = socket.statistics.networkBytesReceived
            #expect(networkBytes < UInt64(bytes))
            #expect(await socket.close().isClean)
            print(
                """
                deflate: \(count) messages, \(bytes / 1_000_000) MB each way (\(networkBytes / 1_000_000) MB on the \
                way back), in \(duration)
                """)
        }
    }
}

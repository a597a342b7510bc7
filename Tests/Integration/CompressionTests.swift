import Foundation
import LibWebSockets
import Testing

@Suite("permessage-deflate with Python's websockets", .needsEchoServer, .timeLimit(.minutes(10)))
struct CompressionTests {
    /// The content to send, from little to compress (random bytes, random text) to much.
    private static func repetitive(_ message: RandomMessages.Message) -> RandomMessages.Message {
        let line = Array(message.bytes.prefix(60))
        let count = line.isEmpty ? 0 : message.bytes.count / line.count + 1
        return RandomMessages.Message(kind: .binary, bytes: Array(repeatElement(line, count: count).joined())[...])
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
                try await socket.exchange(count, seed: 9, maximumSize: 4 << 20) { message, number in
                    number.isMultiple(of: 3) ? Self.repetitive(message) : message
                } send: { socket, message, number in
                    if number.isMultiple(of: 3) || number.isMultiple(of: 2) {
                        try await socket.send(message)
                    } else {
                        try await socket.send(message, inPiecesOf: 50_000)
                    }
                }
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

import Foundation
import LibWebSockets
import Testing

@Suite("Echo through Python's websockets", .needsEchoServer, .timeLimit(.minutes(10)))
struct EchoTests {
    /// About 0.75 GB each way over wss, a tenth of that over ws, by the distribution that ``RandomMessages`` describes.
    @Test(
        "Random messages of 0 B to 1 MiB come back intact and in order, sent and read at the same time",
        arguments: [("wss", 10_000), ("ws", 1_000)])
    func randomMessages(scheme: String, count: Int) async throws {
        let fixture = try TLSFixture()
        var options = EchoServerOptions(certificate: scheme == "wss" ? fixture.certificate : nil)
        options.compression = false
        try await withEchoServer(options) { server in
            let socket = try await WebSocket.connect(
                to: server.url(scheme: scheme), configuration: WebSocketConfiguration(tls: fixture.client))
            let (bytes, duration) = try await timed {
                try await socket.exchange(count, seed: 0x5EED, maximumSize: 1 << 20)
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
            try await socket.exchange(
                200, seed: 7, maximumSize: 1 << 16,
                send: { socket, message, _ in try await socket.send(message, inPiecesOf: 777) })
            await socket.close()
        }
    }
}

import Testing

@testable import LibWebSockets

@Suite(.hangs) struct WebSocketCompressionTests {
    private static let text = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 100)

    @Test(
        "A client offers permessage-deflate by default, a server accepts it when told to", arguments: Security.allCases)
    func agreement(security: Security) async throws {
        let server = WebSocketServer.Configuration(compression: .automatic)
        try await withServer(security, configuration: server) { pair in
            let (client, accepted) = try await pair.connectPair()
            let agreed = "permessage-deflate; server_max_window_bits=12"
            #expect(client.handshake.extensions.map(\.description) == [agreed])
            #expect(accepted.handshake.extensions.map(\.description) == [agreed])
            for (sender, receiver) in [(client, accepted), (accepted, client)] {
                try await sender.send(Self.text)
                let received = try await receiver.receive(1)
                #expect(received == [.text(Self.text)])
                #expect(receiver.statistics.networkBytesReceived < 200)
                #expect(receiver.statistics.bytesReceived == Self.text.utf8.count)
                #expect(sender.statistics.bytesSent == Self.text.utf8.count)
            }
        }
    }
}

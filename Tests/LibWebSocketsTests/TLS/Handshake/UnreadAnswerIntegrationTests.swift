import LibC
import COpenSSL
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// A client whose request is answered behind output that it does not read.
///
/// The name puts it among the tests that `scripts/test` runs one after the other: beside others the handshake could take
/// longer than its deadline, which the test has to wait for.
@Suite("An answer behind output that nobody reads", .hangs) struct UnreadAnswerIntegrationTests {
    @Test(
        "It is aborted at the handshake's deadline, also when a frame waits, and costs nothing until then",
        arguments: [false, true])
    func unreadAnswer(withFrame: Bool) async throws {
        try await withServer(.tls, configuration: .init(handshakeTimeout: .seconds(3))) { pair in
            let listening = try #require(OpenSockets.listening(on: pair.server.port))
            // So small that the answers to 500 KeyUpdates do not fit in; 600 would be too many of them.
            var size: CInt = 1
            #expect(setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size)) == 0)
            let context = try #require(SSL_CTX_new(TLS_client_method()))
            defer { SSL_CTX_free(context) }
            let peer = try HostileTLSPeer(
                socket: LoopbackSocket.connect(to: UInt16(pair.server.port), receiveBufferSize: size), context: context,
                isServer: false)
            peer.sendRaw(
                try peer.keyUpdates(
                    500, requesting: true, then: LoopbackSocket.upgradeRequest + (withFrame ? "a frame" : "")))
            let accepted = try await pair.accepted.take()
            #expect(try await pair.serverLoop.load(during: .milliseconds(300)) < 0.5, "the loop is busy with nothing")
            #expect(try await accepted.closed().code == .abnormalClosure)
            withExtendedLifetime(peer) {}
        }
    }
}

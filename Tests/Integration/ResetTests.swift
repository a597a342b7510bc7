import Dispatch
import LibWebSockets
import Testing
import WebSocketTesting

/// A server that dies, or closes with something unread, resets the connection (RFC 1122 section 4.2.2.13), often right
/// behind what it said last.
@Suite("A reset right behind the last words", .timeLimit(.minutes(1)))
struct ResetTests {
    /// Keeps a loop busy until the returned closure is called, so that it sees everything a peer did meanwhile at once.
    private func occupy(_ loop: EventLoop) async -> @Sendable () -> Void {
        let end = DispatchSemaphore(value: 0)
        await withCheckedContinuation { begun in
            Task(executorPreference: loop) {
                begun.resume()
                Self.wait(for: end)
            }
        }
        return { end.signal() }
    }

    /// Not to be called from an `async` function directly.
    private static func wait(for semaphore: DispatchSemaphore) { semaphore.wait() }

    @Test("Messages and the close frame from before the reset arrive", arguments: [false, true])
    func lastWords(isSecure: Bool) async throws {
        let fixture = try TLSFixture()
        let certificate = fixture.certificate
        let tls = FaultServer.TLS(
            certificateChain: certificate.certificateChainPEM, privateKey: certificate.privateKeyPEM)
        let words = (0..<100).map { "message \($0)" }
        let frames = words.map { FaultServer.Frame.text($0) } + [.close(1012, reason: "new version")]
        let script: [FaultServer.Step] = [
            // Time to occupy the loop; should it not suffice, the test is easier to pass and nothing else.
            .upgrade(), .pause(.milliseconds(500)), .write(frames.flatMap(\.bytes)), .reset,
        ]
        let loop = EventLoop()
        try await FaultServer.withServer(script, tls: isSecure ? tls : nil) { server in
            var configuration = WebSocketConfiguration(tls: fixture.client)
            configuration.tls.serverName = "localhost"
            let socket = try await WebSocket.connect(to: server.url(), configuration: configuration, on: loop)
            let release = await occupy(loop)
            // Returns once the connection is reset.
            _ = try await server.transcript()
            release()
            var received: [String?] = []
            // How the connection ends is told by the closure.
            do { for try await message in socket.messages { received.append(message.text) } } catch {}
            #expect(received == words)
            let closure = try await socket.closed()
            #expect(closure.received == CloseFrame(code: .serviceRestart, reason: "new version"))
            #expect(closure.initiator == .remote)
        }
        await loop.shutdown()
    }
}

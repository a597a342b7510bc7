import Testing
import WebSocketTesting

struct READMETest {
    @Test func serverAnswers() async throws {
        let server = try await TestServer.start { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        let socket = try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
        try await socket.send("hello")
        #expect(try await socket.receive()?.text == "hello")
        await socket.close()
        await server.stop()
    }

    @Test func expiredCertificateIsRefused() async throws {
        let server = try await TestServer.start(
            certificate: { try $0.issue(names: ["localhost"], validity: .expired) }, handler: { _, _ in })
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
        }
        #expect(error.tlsFailure?.reason == .expired)
        await server.stop()
    }
}

import Foundation
import Testing
import WebSocketService
import WebSocketTesting

@Suite(.timeLimit(.minutes(10))) struct TestServers {
    @Test func theServerEchoes() async throws {
        let server = try await TestServer.start { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        let socket = try await WebSocket.connect(
            to: server.url, configuration: server.clientConfiguration)
        try await socket.send("hello")
        #expect(try await socket.receive()?.text == "hello")
        await socket.close()
        await server.stop()
    }

    @Test func theServerDiesAndComesBack() async throws {
        let server = try await TestServer.start { socket, _ in
            for try await _ in socket.messages {}
        }
        let service = SocketService(
            server.url,
            transport: WebSocketTransport(configuration: server.clientConfiguration),
            reconnect: .fixed(.milliseconds(50)))
        try await service.start(waitingForOpen: true)
        await server.kill()
        try await service.send("queued or sent, never lost without a word")
        try await server.restart()
        await service.stop()
        await server.stop()
    }

    @Test func theClientComesBackAfterARefusal() async throws {
        let server = try await TestServer.start(handler: TestServer.replying(["hello": [.text("world")]]))
        server.refuseConnections(2, status: .serviceUnavailable, headers: [.retryAfter: "0"])
        let service = SocketService(
            server.url, transport: WebSocketTransport(configuration: server.clientConfiguration),
            reconnect: .fixed(.milliseconds(10)))
        try await service.start(waitingForOpen: true)
        try await service.send("hello")
        #expect(try await server.received(atLeast: 1).map(\.text) == ["hello"])
        #expect(server.requests.count == 3)
        await service.stop()
        await server.stop()
    }

    @Test func anExpiredCertificateIsRefused() async throws {
        let server = try await TestServer.start(
            certificate: { try $0.issue(names: ["localhost"], validity: .expired) },
            handler: { _, _ in })
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
        }
        #expect(error.tlsFailure?.reason == .expired)
        await server.stop()
    }

    @Test func theServerDemandsACertificate() async throws {
        let server = try await TestServer.start(requiresClientCertificate: true)
        let socket = try await WebSocket.connect(
            to: server.url, configuration: server.clientConfiguration)
        try await socket.send("hello")
        #expect(try await socket.receive()?.text == "hello")
        await socket.close()
        await server.stop()
    }

    @Test func certificatesAreWritten() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let authority = try CertificateAuthority()
        let intermediate = try authority.intermediate()
        let client = try intermediate.issue(commonName: "device 4711", purpose: .client)
        let files = try client.write(to: directory, name: "device")
        print(files.certificateChain, files.privateKey)
        #expect(try String(contentsOfFile: files.privateKey, encoding: .utf8) == client.privateKeyPEM)
    }
}

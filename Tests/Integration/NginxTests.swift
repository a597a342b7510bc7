import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketService

@Suite("nginx in front of Python's websockets", .needsNginx, .timeLimit(.minutes(10)))
struct NginxTests {
    private func withServers(
        _ options: NginxOptions = NginxOptions(),
        _ body: (_ nginx: ExternalServer, _ configuration: WebSocketConfiguration) async throws -> Void
    ) async throws {
        let fixture = try TLSFixture()
        try await withEchoServer { upstream in
            try await withNginx(certificate: fixture.certificate, upstream: upstream, options: options) { nginx in
                try await body(nginx, WebSocketConfiguration(tls: fixture.client))
            }
        }
    }

    @Test("Messages of every size come back, and Host arrives with its port")
    func echo() async throws {
        try await withServers { nginx, configuration in
            let socket = try await WebSocket.connect(
                to: nginx.url(scheme: "wss", path: "/request"), configuration: configuration)
            let request = try await HandshakeTests.Request(of: socket)
            #expect(request.values(of: "Host") == ["localhost:\(nginx.port)"])
            try await socket.exchange(200, seed: 3, maximumSize: 4 << 20)
            let closure = await socket.close(code: .goingAway)
            #expect(closure.isClean && closure.code == .goingAway)
        }
    }

    @Test(
        "nginx's own answers are refusals with its page",
        arguments: [
            ("wss", "/missing", 404, "nothing here"), ("wss", "/dead", 502, "502 Bad Gateway"),
            ("wss", "/refuse?status=403", 403, "refused by echo.py"),
            ("ws", "/", 400, "The plain HTTP request was sent to HTTPS port"),
        ])
    func refusals(scheme: String, path: String, status: Int, body: String) async throws {
        try await withServers { nginx, configuration in
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(
                    to: nginx.url(scheme: scheme, path: path), configuration: configuration)
            }
            #expect(error?.code == .upgradeRefused)
            let refusal = try #require(error?.refusal)
            #expect(refusal.status.code == status)
            #expect(String(decoding: refusal.body, as: UTF8.self).contains(body))
        }
    }

    @Test("nginx closes a connection that is silent for too long: a loss without a close frame")
    func readTimeout() async throws {
        try await withServers(NginxOptions(readTimeout: .seconds(1))) { nginx, configuration in
            let socket = try await WebSocket.connect(to: nginx.url(scheme: "wss"), configuration: configuration)
            let error = await #expect(throws: WebSocketError.self) { for try await _ in socket.messages {} }
            #expect(error?.code == .connectionLost)
            #expect(socket.closure?.code == .abnormalClosure)
        }
    }

    /// The number of the process that answered.
    private func worker(_ handshake: HandshakeResponse) throws -> String {
        try #require(handshake.headers.first { $0.name.canonicalName == "x-worker" }?.value)
    }

    @Test("After a reload a connection lives on in its old worker, and new ones come to the new worker")
    func reload() async throws {
        try await withServers(NginxOptions(hasWorkers: true)) { nginx, configuration in
            let url = nginx.url(scheme: "wss")
            let old = try await WebSocket.connect(to: url, configuration: configuration)
            let oldWorker = try worker(old.handshake)
            nginx.reload()
            try await eventually("no new worker") {
                let new = try await WebSocket.connect(to: url, configuration: configuration)
                await new.close()
                return try worker(new.handshake) != oldWorker
            }
            try await old.send("still here")
            #expect(try await old.nextText() == "still here")
            await old.close()
        }
    }

    @Test("A reload that ends old workers is reported as a loss, and the service is connected to the new worker")
    func reloadThatEndsConnections() async throws {
        let options = NginxOptions(hasWorkers: true, shutdownTimeout: .seconds(1))
        try await withServers(options) { nginx, configuration in
            let service = SocketService(
                nginx.url(scheme: "wss"), transport: WebSocketTransport(configuration: configuration),
                reconnect: .fixed(.milliseconds(20)), options: .quiet)
            let (echoes, continuation) = AsyncStream<String>.makeStream()
            service.onMessage { message in message.text.map { _ = continuation.yield($0) } }
            let events = service.events
            try await withSocketService(service) { service in
                func nextOpen() async throws -> HandshakeResponse {
                    for await event in events {
                        if case .open(let handshake) = event { return handshake }
                    }
                    throw NeverHappened(description: "the service ended")
                }
                let oldWorker = try worker(await nextOpen())
                nginx.reload()
                let end = await events.first { if case .closed = $0 { true } else { false } }
                guard case .closed(let end) = end else { return }
                #expect(end.code == .abnormalClosure)
                #expect(try worker(await nextOpen()) != oldWorker)
                try await service.send("again")
                #expect(await echoes.first { _ in true } == "again")
            }
        }
    }
}

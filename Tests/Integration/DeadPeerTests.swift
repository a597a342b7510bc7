import LibWebSockets
import Testing
import WebSocketService

/// A peer that is stopped (SIGSTOP) looks as one behind a cut cable does: its connections stay, answers do not come.
@Suite("A peer that stops answering", .needsEchoServer, .timeLimit(.minutes(10)))
struct DeadPeerTests {
    private static let interval = Duration.milliseconds(100)
    private static let timeout = Duration.seconds(1)

    private func service(urls: [String], _ configuration: WebSocketConfiguration) -> SocketService {
        var configuration = configuration
        configuration.connectTimeout = .milliseconds(500)
        return SocketService(
            urls: urls, transport: WebSocketTransport(configuration: configuration),
            reconnect: .fixed(.milliseconds(20)), heartbeat: .ping(every: Self.interval, timeout: Self.timeout),
            options: .quiet)
    }

    /// Pauses the server of an open connection and waits until that is noticed.
    private func pause(_ server: ExternalServer, _ events: AsyncStream<SocketEvent>) async throws {
        _ = try #require(await events.first { if case .roundTrip = $0 { true } else { false } })
        server.pause()
        let (failure, delay) = await timed { () -> ConnectionFailure? in
            for await event in events {
                if case .failed(let failure) = event { return failure }
            }
            return nil
        }
        guard case .heartbeatTimeout(unanswered: 1) = failure else {
            Issue.record("the connection ended with \(String(describing: failure))")
            return
        }
        // The last answer may be as old as an interval; the upper bound allows for a machine that is busy compiling.
        #expect(delay > Self.timeout - Self.interval && delay < .seconds(30))
        let end = await events.first { if case .closed = $0 { true } else { false } }
        guard case .closed(let end) = end else { return }
        #expect(end.code == .abnormalClosure)
        print("the connection to a stopped peer was aborted after \(delay)")
    }

    private func echoes(to service: SocketService) -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream<String>.makeStream()
        service.onMessage { message in message.text.map { _ = continuation.yield($0) } }
        return stream
    }

    @Test("The heartbeat aborts the connection to a peer that stops, and the service connects again once it goes on")
    func goesOn() async throws {
        try await withSecureEchoServer { server, configuration in
            let service = service(urls: [server.url(scheme: "wss")], configuration)
            let events = service.events
            try await withSocketService(service, waitingForOpen: true) { service in
                let echoes = echoes(to: service)
                try await pause(server, events)
                // Meanwhile the kernel accepts connections, and TLS gets no answer.
                let attempt = await events.first { if case .failed(.connectFailed) = $0 { true } else { false } }
                if case .failed(let failure) = attempt {
                    #expect(failure.webSocketError?.code == .timedOut)
                    #expect(failure.webSocketError?.stage == .tls)
                }
                let queued = try await service.send("queued")
                #expect(queued == .queued)
                server.resume()
                _ = await events.first { if case .open = $0 { true } else { false } }
                try await service.send("again")
                var received = echoes.makeAsyncIterator()
                #expect(await received.next() == "queued")
                #expect(await received.next() == "again")
            }
        }
    }

    @Test("A peer that stops is replaced by the next server")
    func nextServer() async throws {
        let fixture = try TLSFixture()
        try await withEchoServer(fixture.echoOptions) { first in
            try await withEchoServer(fixture.echoOptions) { second in
                let urls = [first, second].map { $0.url(scheme: "wss") }
                let service = service(urls: urls, WebSocketConfiguration(tls: fixture.client))
                let events = service.events
                try await withSocketService(service, waitingForOpen: true) { service in
                    let echoes = echoes(to: service)
                    try await pause(first, events)
                    let attempt = await events.first { if case .connecting = $0 { true } else { false } }
                    guard case .connecting(_, let url) = attempt else {
                        Issue.record("no attempt followed")
                        return
                    }
                    #expect(url == urls[1])
                    try await service.send("elsewhere")
                    #expect(await echoes.first { _ in true } == "elsewhere")
                }
            }
        }
    }
}

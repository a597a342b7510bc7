import LibC
import Logging
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

/// The library's own transport over real sockets.
@Suite(.timeLimit(.minutes(10))) struct WebSocketTransportTests {
    private func withConnection(
        _ script: [FaultServer.Step], _ body: (any SocketConnection) async throws -> Void
    ) async throws {
        try await FaultServer.withServer(script) { server in
            let connection = try await WebSocketTransport().connect(to: ConnectRequest(url: server.url()))
            try await body(connection)
        }
    }

    @Test("A close frame is told while messages are unread and nobody reads")
    func closeIsToldUnread() async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.text("last"), .text("words"), .close(1001, reason: "new version")), .readUntilEnd,
        ]
        try await withConnection(script) { connection in
            async let other = connection.ended()
            let closure = try await connection.ended()
            #expect(closure.received == CloseFrame(code: .goingAway, reason: "new version"))
            #expect(try await other == closure)
            #expect(connection.closure == closure)
            #expect(connection.closeError == nil)
            await #expect(throws: WebSocketError.self) { try await connection.send(.text("late")) }
            var received: [WebSocketMessage] = []
            while let batch = try await connection.nextMessages() { received += batch }
            #expect(received == [.text("last"), .text("words")])
        }
    }

    @Test("A reset is told while messages are unread and nobody reads")
    func resetIsToldUnread() async throws {
        try await withConnection([.upgrade(), .readFrames(1), .write(.text("last words")), .reset]) { connection in
            try await connection.send(.text("go on"))
            let closure = try await connection.ended()
            #expect(closure.initiator == .connectionLoss)
            #expect((connection.closeError as? WebSocketError)?.code == .connectionLost)
            #expect(try await connection.nextMessages() == [.text("last words")])
        }
    }

    @Test("Waiting for the end can be cancelled, and the connection stays")
    func waitingIsCancelled() async throws {
        try await withConnection([.upgrade(), .readFrames(1), .write(.text("still here")), .readUntilEnd]) {
            connection in
            let waiting = Task { try await connection.ended() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(connection.closure == nil)
            try await connection.send(.text("go on"))
            #expect(try await connection.nextMessages() == [.text("still here")])
            connection.abort()
            #expect(try await connection.ended() == connection.closure)
            #expect(connection.closeError == nil, "what was asked for is no error")
        }
    }

    @Test(
        "An authority, a route key and a logger are all that the short initialiser needs; the log has the TLS version")
    func shortInitialiser() async throws {
        let server = try await TestServer.start()
        let lines = LogLines()
        let service = SocketService(
            server.url, trustRoots: server.clientConfiguration.tls.trustRoots, router: .json(routeKey: "type"),
            logger: lines.logger(.info))
        let received = Recorder<String>()
        service.register("price") { received.add($0.text ?? "") }
        try await service.start(waitingForOpen: true)
        try await service.send(#"{"type":"price"}"#)
        #expect(try await received.next() == #"{"type":"price"}"#)
        await service.stop()
        await server.stop()
        #expect(
            lines.messages(.info).contains { $0.hasPrefix("info open after ") && $0.hasSuffix("(attempt 1, TLS 1.3)") })
    }

    @Test("A service reads on the loop of its connection, and asks the app's closures on other threads")
    func whereReadingRuns() async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .readFrames(1), .write(.text("beat")), .readFrames(1), .write(.text("answer")), .readFrames(1),
            .reset,
        ]
        try await FaultServer.withServer(script) { server in
            let loop = SocketLoop()
            let onLoop = await Task(executorPreference: loop) { currentThread }.value
            let (asked, ends) = (Recorder<UInt>(), Recorder<UInt>())
            let logger = ThreadLogHandler.logger("reading ended", ends)
            let service = SocketService(
                server.url(), transport: WebSocketTransport(socketLoop: loop), reconnect: .never,
                heartbeat: .message(
                    .text("beat"), every: .seconds(60),
                    isAnswer: { _ in
                        asked.add(currentThread)
                        return true
                    }),
                options: SocketService.Options(
                    router: .custom { _ in
                        asked.add(currentThread)
                        return "answer"
                    }, attemptTimeout: .seconds(600), logger: logger))
            try await service.start(waitingForOpen: true)
            _ = try await asked.next()
            let answer = try await service.request(message: .text("ask"), reply: "answer", correlated: false)
            #expect(answer.text == "answer")
            try await service.send("end")
            #expect(try await ends.next() == onLoop)
            #expect(asked.all.count >= 3)
            #expect(!asked.all.contains(onLoop))
            await service.stop()
            await loop.shutDown()
        }
    }
}

/// Records the thread on which a line is logged.
private struct ThreadLogHandler: LogHandler {
    let wanted: String
    let threads: Recorder<UInt>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    static func logger(_ wanted: String, _ threads: Recorder<UInt>) -> Logger {
        Logger(label: "test") { _ in ThreadLogHandler(wanted: wanted, threads: threads) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        if "\(event.message)" == wanted { threads.add(currentThread) }
    }
}

private var currentThread: UInt { UInt(bitPattern: pthread_self().hashValue) }

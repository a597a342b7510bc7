import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

/// Messages of a service that go out in pieces.
@Suite(.timeLimit(.minutes(10))) struct MessageInPiecesTests {
    @Test("The pieces are one message, which counts as one")
    func pieces() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        let outcome = try await fixture.service.sendMessage(.text) { writer in
            try await writer.write("ab")
            try await writer.write([0x63] as [UInt8])
        }
        #expect(outcome == .sent)
        #expect(try await peer.nextSent() == .text("abc"))
        #expect(fixture.service.statistics.messagesSent == 1)
        #expect(fixture.service.statistics.bytesSent == 3)
        await fixture.service.stop()
    }

    @Test("Without a connection a message in pieces is dropped, and its body not called")
    func withoutAConnection() async throws {
        let fixture = Fixture()
        let isCalled = Recorder<String>()
        let idle = try await fixture.service.sendMessage(.text) { _ in isCalled.add("idle") }
        #expect(idle == .dropped(.notConnected))
        await fixture.service.stop()
        let stopped = try await fixture.service.sendMessage(.text) { _ in isCalled.add("stopped") }
        #expect(stopped == .dropped(.closed))
        #expect(isCalled.all == [])
    }

    @Test("A handler that sends to a peer which is to be read first is told when nothing more is read")
    func byAHandler() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(executor: executor, configure: { $0.inboxByteLimit = 1_000 })
        let service = fixture.service
        let results = Recorder<String>()
        service.onMessage { message in
            guard message.text == "go" else { return }
            do {
                try await service.sendMessage(.text) { try await $0.write("x") }
            } catch {
                results.add((error as? SocketServiceError).map { "\($0.code)" } ?? "\(error)")
            }
        }
        let peer = try await fixture.open()
        peer.holdSends()
        for text in ["go"] + Array(repeating: "busy", count: 100) { peer.deliver(text) }
        try await executor.untilQuiet()
        #expect(results.all == ["inboxFull"])
        #expect(peer.unreadCount == 0, "the handlers have seen the rest meanwhile")
        await service.stop()
    }

    /// A real connection, on which others have to wait.
    private func withService(
        _ body: (SocketService, Recorder<String>) async throws -> Void
    ) async throws {
        let received = Recorder<String>()
        let server = try await TestServer.start(isSecure: false) { socket, _ in
            // The closure tells how the connection ends.
            do { for try await message in socket.messages { received.add(message.text ?? "?") } } catch {}
            received.add("closed with \(socket.closure?.received?.code?.rawValue ?? 0)")
        }
        let service = SocketService(server.url, reconnect: .never, options: .init(logger: .silent))
        try await service.start(waitingForOpen: true)
        try await body(service, received)
        await service.stop()
        await server.stop()
    }

    @Test("What the body sends beside its pieces is refused instead of waiting for the body's own end")
    func sendingInside() async throws {
        try await withService { service, received in
            try await service.sendMessage(.text) { writer in
                try await writer.write("a")
                let error = try await #require(throws: SocketServiceError.self) { try await service.send("b") }
                #expect(error.code == .messageUnderWay)
                let nested = try await #require(throws: SocketServiceError.self) {
                    try await service.sendMessage(.text) { _ in }
                }
                #expect(nested.code == .messageUnderWay)
                #expect(try await service.send("c", delivery: .volatile) == .dropped(.notConnected))
                try await writer.write("z")
            }
            try await service.send("after")
            try await received.next(where: { $0 == "after" })
            #expect(received.all == ["az", "after"])
        }
    }

    @Test("A body that throws leaves no half message: the connection is closed with 1011")
    func throwing() async throws {
        struct Stop: Error {}
        try await withService { service, received in
            await #expect(throws: Stop.self) {
                try await service.sendMessage(.text) { writer in
                    try await writer.write("half")
                    throw Stop()
                }
            }
            try await received.next(where: { $0 == "closed with 1011" })
        }
    }

    @Test("Messages of others wait for the end of it, in order")
    func others() async throws {
        try await withService { service, received in
            let (others, sent) = AsyncStream<Void>.makeStream()
            var sending: Task<Void, any Error>?
            try await service.sendMessage(.text) { writer in
                try await writer.write("first")
                sending = Task.detached {
                    sent.finish()
                    try await service.send("second")
                }
                for await _ in others {}
                try await writer.write(" message")
            }
            try await sending?.value
            try await received.next(where: { $0 == "second" })
            #expect(received.all == ["first message", "second"])
        }
    }
}

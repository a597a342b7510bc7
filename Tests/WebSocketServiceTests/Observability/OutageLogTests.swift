import Logging
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("The log of an outage", .timeLimit(.minutes(10))) struct OutageLogTests {
    @Test("At info the log tells the story of an outage")
    func story() async throws {
        let lines = LogLines()
        let fixture = Fixture(configure: { $0.logger = lines.logger(.info) })
        fixture.service.onMessage { _ in }
        let peer = try await fixture.open()
        fixture.clock.advance(by: .seconds(182))
        fixture.transport.append(.connectionRefused, .connectionRefused)
        peer.close(code: .serviceRestart, reason: "new version")
        for _ in 0..<3 { try await fixture.clock.advance(toSleeperIn: .seconds(1)) }
        _ = try await fixture.transport.nextConnection()
        try await fixture.events.next { $0 == "open" }
        try await fixture.events.next { $0 == "open" }
        await fixture.service.stop()
        #expect(
            lines.messages(.info) == [
                "info open after 0 ms (attempt 1)",
                """
                info lost the connection after 3 min 2 s: the peer closed the connection with 1012 service restart: \
                "new version"; next attempt in 1.0 s
                """,
                "info attempt 2 failed: the scripted server refused the connection; next attempt in 1.0 s",
                "info open again after 3.0 s without a connection (attempt 4)",
            ])
    }

    @Test("Failures are logged at growing intervals, all of them at debug, and the recovery tells their number")
    func coalesced() async throws {
        let lines = LogLines()
        let fixture = Fixture(
            Array(repeating: .connectionRefused, count: 100), configure: { $0.logger = lines.logger() })
        try await fixture.service.start()
        for _ in 0..<100 { try await fixture.clock.advance(toSleeperIn: .seconds(1)) }
        _ = try await fixture.transport.nextConnection()
        try await fixture.events.next { $0 == "open" }
        await fixture.service.stop()
        let attempts = lines.messages(.info).filter { $0.hasPrefix("info attempt") }
        #expect(attempts.map { $0.split(separator: " ")[2] } == ["1", "2", "4", "8", "16", "32", "64"])
        #expect(lines.messages(.debug).filter { $0.hasPrefix("debug attempt") }.count == 93)
        #expect(lines.messages(.info).last { $0.hasPrefix("info open") } == "info open after 100 s (attempt 101)")
    }

    @Test("A connection that comes and goes does not fill the log")
    func flapping() async throws {
        let lines = LogLines()
        let fixture = Fixture(configure: { $0.logger = lines.logger(.info) })
        var peer = try await fixture.open()
        for _ in 0..<64 {
            peer.abort()
            try await fixture.clock.advance(toSleeperIn: .seconds(1))
            peer = try await fixture.transport.nextConnection()
        }
        await fixture.service.stop()
        #expect(lines.all.count <= 16, "\(lines.all)")
    }

    @Test("A service that gives up says so in one line and one sentence")
    func givesUp() async throws {
        let lines = LogLines()
        let fixture = Fixture(
            [.refuse(.forbidden)], configure: { $0.logger = lines.logger(.info) })
        try await fixture.service.start()
        try await fixture.events.next { $0.hasPrefix("gave up") }
        await fixture.service.stop()
        #expect(
            lines.messages(.info) == [
                """
                error gave up after 1 failed attempt, as this failure is final: connecting failed: the scripted server \
                answered with 403 Forbidden
                """
            ])
    }

    @Test("The connection's own lines carry the service's name and go where the service's go")
    func connectionsLines() async throws {
        let server = try await TestServer.start(isSecure: false) { socket, _ in _ = try await socket.closed() }
        let lines = LogLines()
        let service = SocketService(
            server.url, options: SocketService.Options(name: "feed", logger: lines.logger()))
        try await service.start(waitingForOpen: true)
        await service.stop()
        await server.stop()
        let own = lines.all.filter { $0.contains("connection closed") }
        #expect(own.count == 1, "\(lines.all)")
        #expect(own.allSatisfy { $0.contains("websocket.service=feed") })
    }
}

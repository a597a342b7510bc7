import HTTPTypes
import Synchronization
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("Reconnecting", .timeLimit(.minutes(10))) struct ReconnectTests {
    @Test("Delays grow, and the server is tried again") func delaysGrowAndTheServerIsTriedAgain() async throws {
        let fixture = Fixture([.connectionRefused, .connectionRefused, .open()], reconnect: .exponential())
        try await fixture.service.start()
        let refused = "failed connecting failed: the scripted server refused the connection"
        #expect(
            try await fixture.events.next(3) == [
                "connecting 1 feed.example.com", refused, "waiting \(Duration.seconds(0.5)) for 2",
            ])
        fixture.clock.advance(by: .milliseconds(500))
        #expect(
            try await fixture.events.next(3) == [
                "connecting 2 feed.example.com", refused, "waiting \(Duration.seconds(1)) for 3",
            ])
        fixture.clock.advance(by: .seconds(1))
        #expect(try await fixture.events.next(2) == ["connecting 3 feed.example.com", "open"])
        #expect(fixture.service.statistics.attempts == 3)
        #expect(fixture.service.statistics.failures == 2)
        await fixture.service.stop()
        #expect(try await fixture.events.next(3) == ["closed 1000", "stopped 0", "end of events"])
    }

    @Test("The wait before an attempt is not over before its time") func theWaitIsNotOverBeforeItsTime() async throws {
        let fixture = Fixture([.connectionRefused])
        try await fixture.service.start()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        try await fixture.clock.waitForSleepers()
        fixture.clock.advance(by: .milliseconds(999))
        #expect(fixture.clock.sleeperCount == 1)
        #expect(fixture.transport.requests.count == 1)
        fixture.clock.advance(by: .milliseconds(1))
        _ = try await fixture.transport.nextConnection()
        await fixture.service.stop()
    }

    @Test("Retry-After is honoured") func retryAfterIsHonoured() async throws {
        let fixture = Fixture([.refuse(.serviceUnavailable, retryAfter: .seconds(120))])
        try await fixture.service.start()
        try await fixture.events.next { $0 == "waiting \(Duration.seconds(121)) for 2" }
        await fixture.service.stop()
    }

    @Test(
        "A final failure of an attempt ends the service",
        arguments: [
            .failTLS(.expired), .failTLS(.hostnameMismatch), .refuse(.unauthorized),
        ] as [ScriptedTransport.Outcome])
    func finalFailuresEndIt(outcome: ScriptedTransport.Outcome) async throws {
        let fixture = Fixture([outcome])
        await #expect {
            try await fixture.service.start(waitingForOpen: true)
        } throws: { ($0 as? SocketServiceError)?.code == .gaveUp && "\($0)".contains("this failure is final") }
        #expect(fixture.service.state == .closed)
        #expect(fixture.transport.requests.count == 1)
        await fixture.service.stop()
    }

    @Test("A policy that takes no refusal for final tells of its limit when that ends it")
    func persistentUntilTheLimit() async throws {
        var policy = ReconnectPolicy.persistent
        policy.maximumRetries = 0
        let fixture = Fixture([.refuse(.notFound)], reconnect: policy)
        await #expect {
            try await fixture.service.start(waitingForOpen: true)
        } throws: {
            "\($0)".contains("after 1 failed attempt, as the reconnect policy allows no further attempt")
        }
        await fixture.service.stop()
    }

    @Test("A peer that closes with a final code ends the service") func aPeerThatClosesFinallyEndsIt() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        peer.close(code: .policyViolation, reason: "banned")
        try await fixture.events.next { $0 == "closed 1008" }
        try await fixture.events.next { $0 == "gave up after 1" }
        await fixture.service.stop()
    }

    @Test(
        "A peer that closes with another code is connected to again",
        arguments: [CloseCode.normalClosure, .goingAway, .serviceRestart, .tryAgainLater])
    func aPeerThatClosesOtherwiseIsTriedAgain(code: CloseCode) async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        peer.close(code: code)
        try await fixture.events.next { $0.hasPrefix("waiting") }
        fixture.clock.advance(by: .seconds(1))
        _ = try await fixture.transport.nextConnection()
        await fixture.service.stop()
    }

    @Test("Several servers are tried in turn, and a stable one is tried again first")
    func severalServersAreTriedInTurn() async throws {
        let fixture = Fixture(
            [.connectionRefused, .connectionRefused, .connectionRefused, .open()],
            urls: ["wss://a/", "wss://b/", "wss://c/"], reconnect: .fixed(.zero))
        let peer = try await fixture.open()
        try await fixture.events.next { $0 == "open" }
        // A short-lived connection moves on, a stable one is worth another try.
        peer.abort()
        let second = try await fixture.transport.nextConnection()
        try await fixture.events.next { $0 == "open" }
        fixture.clock.advance(by: .seconds(10))
        second.abort()
        _ = try await fixture.transport.nextConnection()
        #expect(
            fixture.transport.requests.map(\.url) == ["a", "b", "c", "a", "b", "b"].map { "wss://\($0)/" })
        await fixture.service.stop()
    }

    @Test(
        "What is final for the first server does not keep the others from being tried",
        arguments: [.refuse(.notFound), .refuse(.forbidden), .failTLS(.expired)] as [ScriptedTransport.Outcome])
    func aFinalFailureOfTheFirstServer(outcome: ScriptedTransport.Outcome) async throws {
        let fixture = Fixture([outcome, .open()], urls: ["wss://a/", "wss://b/"], reconnect: .fixed(.zero))
        let peer = try await fixture.open()
        #expect(peer.request.url == "wss://b/")
        #expect(fixture.service.state == .open)
        await fixture.service.stop()
    }

    @Test("A service gives up when all servers failed finally in one round")
    func aServiceGivesUpWhenAllServersFailedFinallyInOneRound() async throws {
        let fixture = Fixture(
            [.refuse(.notFound), .connectionRefused, .refuse(.notFound), .failTLS(.expired)],
            urls: ["wss://a/", "wss://b/"], reconnect: .fixed(.zero))
        await #expect {
            try await fixture.service.start(waitingForOpen: true)
        } throws: { ($0 as? SocketServiceError)?.code == .gaveUp }
        #expect(fixture.transport.requests.map(\.url) == ["a", "b", "a", "b"].map { "wss://\($0)/" })
        await fixture.service.stop()
    }

    @Test("A service without a URL is refused at the start, and fails where it begins otherwise")
    func noURL() async throws {
        let fixture = Fixture(urls: [])
        await #expect {
            try await fixture.service.start()
        } throws: { ($0 as? WebSocketError)?.code == .invalidConfiguration }
        #expect(fixture.service.state == .idle)
        fixture.service.resume()
        try await fixture.events.next { $0 == "gave up after 1" }
        fixture.service.reconnectNow()
        try await fixture.events.next { $0 == "gave up after 1" }
        await fixture.service.stop()
    }

    @Test("The closure makes a fresh URL and headers for each attempt, and one that throws fails its attempt")
    func aFreshURLAndHeadersForEachAttempt() async throws {
        struct NoToken: Error {}
        let clock = ManualClock()
        let transport = ScriptedTransport([.refuse(.serviceUnavailable)])
        let service = SocketService(
            transport: transport, reconnect: .fixed(.zero),
            options: .init(clock: clock, logger: .silent),
            request: { attempt in
                if attempt.number == 2 { throw NoToken() }
                return ConnectRequest(
                    url: "wss://feed/?token=\(attempt.number)", headers: [.authorization: "Bearer \(attempt.number)"])
            })
        try await service.start(waitingForOpen: true)
        #expect(transport.requests.map(\.url) == ["wss://feed/?token=1", "wss://feed/?token=3"])
        #expect(transport.requests.map { $0.headers[.authorization] } == ["Bearer 1", "Bearer 3"])
        #expect(service.statistics.attempts == 3)
        await service.stop()
    }

    @Test("A URL of the closure that cannot be used is final") func anInvalidURLOfTheClosureIsFinal() async throws {
        let transport = ScriptedTransport()
        let service = SocketService(
            transport: transport, options: .init(clock: ManualClock(), logger: .silent),
            request: { _ in ConnectRequest(url: "nonsense") })
        await #expect {
            try await service.start(waitingForOpen: true)
        } throws: { ($0 as? SocketServiceError)?.failure?.webSocketError?.code == .invalidConfiguration }
        await service.stop()
    }

    @Test("reconnectNow() skips the wait, and leaves an open connection alone")
    func reconnectNowSkipsTheWait() async throws {
        let fixture = Fixture([.connectionRefused], reconnect: .fixed(.seconds(3600)))
        try await fixture.service.start()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        fixture.service.reconnectNow()
        _ = try await fixture.transport.nextConnection()
        #expect(fixture.clock.now.sinceStart == .zero)
        fixture.service.reconnectNow()
        #expect(fixture.transport.requests.count == 2, "an open connection stays")
        await fixture.service.stop()
        #expect(fixture.clock.sleeperCount == 0)
    }

    @Test("After giving up, the app may begin anew") func afterGivingUpTheAppMayBeginAnew() async throws {
        let fixture = Fixture([.connectionRefused, .connectionRefused, .open()], reconnect: .never)
        try await fixture.service.start()
        try await fixture.events.next { $0.hasPrefix("gave up") }
        fixture.service.reconnectNow()
        try await fixture.events.next { $0.hasPrefix("gave up") }
        try await fixture.service.start(waitingForOpen: true)
        #expect(fixture.service.state == .open)
        await fixture.service.stop()
    }

    @Test("pause() closes the connection, and resume() makes another")
    func pauseClosesAndResumeConnects() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        await fixture.service.pause(code: .goingAway, reason: "night")
        #expect(peer.closure?.sent == CloseFrame(code: .goingAway, reason: "night"))
        #expect(fixture.service.state == .idle)
        #expect(try await fixture.service.send("kept") == .queued)
        fixture.service.resume()
        #expect(try await fixture.transport.nextConnection().nextSent() == .text("kept"))
        #expect(
            try await fixture.events.next(6) == [
                "connecting 1 feed.example.com", "open", "closed 1001", "paused", "connecting 1 feed.example.com",
                "open",
            ])
        await fixture.service.stop()
    }

    @Test("pause() ends an attempt and a wait") func pauseEndsAnAttemptAndAWait() async throws {
        let fixture = Fixture([.hang, .connectionRefused])
        try await fixture.service.start()
        _ = try await fixture.transport.nextRequest()
        await fixture.service.pause()
        #expect(fixture.service.state == .idle)
        fixture.service.resume()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        await fixture.service.pause()
        #expect(fixture.service.state == .idle)
        await until { fixture.clock.sleeperCount == 0 }
        fixture.service.resume()
        _ = try await fixture.transport.nextConnection()
        await fixture.service.stop()
    }

    @Test("A connection that opens after stop() is aborted") func aConnectionThatOpensTooLateIsAborted() async throws {
        let transport = GatedTransport()
        let service = SocketService(
            "wss://feed/", transport: transport, options: .init(clock: ManualClock(), logger: .silent))
        try await service.start()
        let attempt = try await transport.attempts.next()
        await service.stop()
        // The transport ignores the cancellation, as one might that is nearly there.
        attempt.succeed()
        let peer = try await transport.scripted.nextConnection()
        _ = try await peer.ended()
        #expect(peer.wasAborted)
        #expect(service.state == .closed)
    }

    /// On one thread in a fixed order, as in the random schedules, this cannot go wrong.
    @Test("However soon onOpen runs, on whatever thread, what it sends reaches its connection, and the queue follows")
    func promptGreeting() async throws {
        let fixture = Fixture(reconnect: .fixed(.zero))
        let outcomes = Recorder<SendOutcome>()
        fixture.service.onOpen { [weak service = fixture.service] _ in
            if let service { outcomes.add(try await service.send("subscription")) }
        }
        var peer = try await fixture.open()
        for number in 0..<2_000 {
            try #require(try await outcomes.next() == .sent, "on connection \(number)")
            let message = WebSocketMessage.text("\(number)")
            try await fixture.service.send(message)
            #expect(try await peer.nextSent() == .text("subscription"))
            #expect(try await peer.nextSent() == message)
            peer.abort()
            peer = try await fixture.transport.nextConnection()
        }
        await fixture.service.stop()
    }
}

/// Opens each connection only when told to, and does not listen to cancellation.
private final class GatedTransport: SocketTransport {
    let scripted = ScriptedTransport()
    let attempts = Recorder<Completion<Void>>()

    func validate(_ request: ConnectRequest) throws {}

    func connect(to request: ConnectRequest) async throws -> any SocketConnection {
        let gate = Completion<Void>()
        attempts.add(gate)
        let scripted = scripted
        return try await Task.detached {
            try await gate.value()
            return try await scripted.connect(to: request)
        }.value
    }
}

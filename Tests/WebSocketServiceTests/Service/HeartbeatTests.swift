import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("A service with a heartbeat", .timeLimit(.minutes(10))) struct HeartbeatTests {
    @Test("Pings give round-trip times") func pingsGiveRoundTripTimes() async throws {
        let fixture = Fixture(heartbeat: .ping())
        let peer = try await fixture.open()
        for milliseconds in [80, 160] {
            peer.answerPings(after: .milliseconds(milliseconds))
            try await fixture.clock.waitForSleepers()
            fixture.clock.advance(by: .seconds(30))
            try await fixture.events.next { $0 == "round trip \(Duration.milliseconds(milliseconds))" }
        }
        let time = try #require(fixture.service.statistics.roundTripTime)
        #expect(time.last == .milliseconds(160))
        #expect(time.smoothed == .milliseconds(90))
        await fixture.service.stop()
    }

    @Test("A dead peer's connection is aborted, and replaced") func aDeadPeerIsDroppedAtOnceAndReplaced() async throws {
        let fixture = Fixture(heartbeat: .ping(), configure: { $0.attemptTimeout = .seconds(3_600) })
        let errors = Recorder<SocketServiceError>()
        fixture.service.onError { errors.add($0) }
        let peer = try await fixture.open()
        try await fixture.clock.advance(toSleeperIn: .seconds(30))
        try await fixture.events.next { $0.hasPrefix("round trip") }
        #expect(fixture.service.statistics.roundTripTime != nil)
        peer.answerPings(after: nil)
        // Even a close handshake would not be answered.
        peer.answerClose(false)
        // Up to where the answer would have been too late, if the timer sleeps until then.
        fixture.clock.advance(by: .seconds(10))
        try await fixture.clock.advance(toSleeperIn: .seconds(20))
        try await until { peer.pingCount == 2 && fixture.clock.nextDeadline?.sinceStart == .seconds(70) }
        fixture.clock.advance(by: .seconds(10))
        #expect(try await peer.ended().initiator == .connectionLoss)
        #expect(peer.wasAborted)
        guard case .heartbeatTimeout(unanswered: 1) = try await errors.next().failure else {
            Issue.record("expected a heartbeat timeout")
            return
        }
        try await fixture.events.next { $0 == "closed 1006" }
        try await fixture.events.next { $0.hasPrefix("waiting") }
        fixture.clock.advance(by: .seconds(1))
        _ = try await fixture.transport.nextConnection()
        try await fixture.events.next { $0 == "open" }
        #expect(fixture.service.statistics.roundTripTime == nil, "round trips are those of the current connection")
        await fixture.service.stop()
    }

    @Test("A message is made for each beat, and its answer goes to the handlers too")
    func messagesAreMadeForEachBeatAndTheAnswerIsDispatchedToo() async throws {
        let count = Atomic<Int>(0)
        let fixture = Fixture(
            heartbeat: .message(every: .seconds(60), isAnswer: { $0.text?.contains("pong") ?? false }) {
                .text("ping \(count.add(1, ordering: .relaxed).newValue)")
            })
        let answers = Recorder<String>()
        fixture.service.register("pong") { answers.add($0.text ?? "") }
        let peer = try await fixture.open()
        #expect(try await peer.nextSent() == .text("ping 1"))
        fixture.clock.advance(by: .milliseconds(25))
        peer.deliver(#"{"socketType":"pong"}"#)
        try await fixture.events.next { $0 == "round trip \(Duration.milliseconds(25))" }
        #expect(try await answers.next() == #"{"socketType":"pong"}"#)
        try await until { fixture.clock.nextDeadline != nil }
        fixture.clock.advance(to: .init(sinceStart: .seconds(60)))
        #expect(try await peer.nextSent() == .text("ping 2"))
        await fixture.service.stop()
    }

    @Test("A beat that cannot be made is reported, and counts as unanswered")
    func aBeatThatCannotBeMadeIsReportedAndCountsAsUnanswered() async throws {
        struct NoBeat: Error {}
        let fixture = Fixture(heartbeat: .message(every: .seconds(60)) { throw NoBeat() })
        try await fixture.service.start(waitingForOpen: true)
        try await fixture.events.next { $0 == "error heartbeatFailed" }
        try await until { fixture.clock.nextDeadline?.sinceStart == .seconds(10) }
        fixture.clock.advance(by: .seconds(10))
        try await fixture.events.next { $0 == "failed the peer left 1 heartbeat unanswered" }
        await fixture.service.stop()
    }

    /// The app's closure hangs, and does not listen to its cancellation.
    @Test("A connection whose first beat is still being made is not open yet")
    func aConnectionWhoseFirstBeatIsStillBeingMadeIsNotOpenYet() async throws {
        let (making, made) = (Completion<Void>(), Completion<Void>())
        let fixture = Fixture(
            heartbeat: .message(every: .seconds(60)) {
                making.succeed()
                return try await Task.detached {
                    try await made.value()
                    return .text("beat")
                }.value
            })
        try await fixture.service.start()
        let peer = try await fixture.transport.nextConnection()
        try await making.value()
        #expect(fixture.service.state == .connecting)
        #expect(try await fixture.service.send("later") == .queued)
        await fixture.service.pause()
        #expect(try await peer.ended().initiator == .connectionLoss)
        made.succeed()
        #expect(await fixture.service.stop() == [.text("later")])
        #expect(try await fixture.events.next { $0 == "end of events" } == "end of events")
        #expect(
            fixture.events.all == ["connecting 1 feed.example.com", "paused", "stopped 0", "end of events"],
            "what never opened is not closed either")
        #expect(peer.sent.isEmpty)
    }

    @Test("A peer that lives but never answers pings is not sent pings for ever")
    func aPeerThatLivesButNeverAnswersPingsIsNotSentPingsForEver() async throws {
        let executor = TestExecutor()
        let fixture = Fixture(heartbeat: .ping(), executor: executor)
        let peer = try await fixture.open()
        peer.answerPings(after: nil)
        func minutesOfTraffic(_ minutes: Int) async throws {
            let end = fixture.clock.now.advanced(by: .seconds(60 * minutes))
            while fixture.clock.now < end {
                // Traffic of an earlier moment would not count at the next.
                try await executor.untilQuiet()
                peer.deliverPartOfMessage(byteCount: 1)
                fixture.clock.advance(to: try #require(fixture.clock.nextDeadline))
            }
            try await executor.untilQuiet()
        }
        try await minutesOfTraffic(60)
        #expect(peer.pingCount == 16)
        #expect(fixture.service.state == .open)
        peer.answerPings(after: .milliseconds(5))
        try await fixture.events.next { $0.hasPrefix("round trip") }
        while peer.pingCount == 16 { try await minutesOfTraffic(1) }
        await fixture.service.stop()
    }

    @Test("A slow handler hides neither an answer nor a dead peer")
    func aSlowHandlerNeitherHidesTheAnswerNorADeadPeer() async throws {
        let fixture = Fixture(heartbeat: .message(.text("ping"), isAnswer: { $0.text == "pong" }))
        let proceed = Completion<Void>()
        fixture.service.onOpen { _ in try await proceed.value() }
        let peer = try await fixture.open()
        #expect(try await peer.nextSent() == .text("ping"))
        fixture.clock.advance(by: .seconds(1))
        peer.deliver("pong")
        try await fixture.events.next { $0 == "round trip \(Duration.seconds(1))" }
        // Up to where the answer would have been too late, if the timer sleeps until then.
        fixture.clock.advance(by: .seconds(9))
        try await fixture.clock.advance(toSleeperIn: .seconds(50))
        #expect(try await peer.nextSent() == .text("ping"))
        try await until { fixture.clock.nextDeadline?.sinceStart == .seconds(70) }
        fixture.clock.advance(by: .seconds(10))
        try await fixture.events.next { $0 == "failed the peer left 1 heartbeat unanswered" }
        proceed.succeed()
        await fixture.service.stop()
    }

    @Test("While reading is paused, no heartbeat is missed") func whileReadingIsPausedNothingIsMissed() async throws {
        let fixture = Fixture(heartbeat: .ping(anyTrafficCounts: false), configure: { $0.inboxLimit = 1 })
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        fixture.service.register("slow") { _ in
            entered.succeed()
            try await proceed.value()
        }
        let peer = try await fixture.open()
        peer.answerPings(after: nil)
        peer.deliver(#"{"socketType":"slow"}"#)
        try await entered.value()
        for text in ["fills the inbox", "is not read"] { peer.deliver(text) }
        try await until { fixture.service.dispatcher.roomWaiterCount == 1 }
        for beat in 1...3 {
            try await until { fixture.clock.nextDeadline != nil }
            fixture.clock.advance(to: .init(sinceStart: .seconds(30 * beat)))
            try await peer.nextPing()
        }
        #expect(peer.closure == nil)
        #expect(fixture.service.state == .open)
        proceed.succeed()
        try await peer.waitUntilRead()
        peer.answerPings(after: .milliseconds(5))
        try await fixture.events.next { $0.hasPrefix("round trip") }
        #expect(fixture.service.state == .open)
        await fixture.service.stop()
    }

    @Test("Bytes of a large message keep the connection alive")
    func bytesOfALargeMessageKeepTheConnectionAlive() async throws {
        let fixture = Fixture(heartbeat: .ping(), configure: { $0.attemptTimeout = .seconds(3_600) })
        let peer = try await fixture.open()
        peer.answerPings(after: nil)
        try await fixture.clock.advance(toSleeperIn: .seconds(30))
        try await peer.nextPing()
        peer.deliverPartOfMessage(byteCount: 100)
        try await fixture.clock.advance(toSleeperIn: .seconds(10))
        try await fixture.clock.waitForSleeper(until: .init(sinceStart: .seconds(60)))
        #expect(fixture.service.state == .open)
        await fixture.service.stop()
    }

    private func until(_ condition: () -> Bool) async throws {
        while !condition() {
            try Task.checkCancellation()
            await Task.yield()
        }
    }
}

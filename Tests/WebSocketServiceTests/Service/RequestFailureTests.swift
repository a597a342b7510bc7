import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("Requests that fail", .timeLimit(.minutes(10))) struct RequestFailureTests {
    private typealias Query = RequestTests.Query
    private typealias Chart = RequestTests.Chart

    @Test("A request that cannot be correlated fails at once")
    func aRequestThatCannotBeCorrelatedFailsAtOnce() async throws {
        let fixture = Fixture()
        let service = fixture.service
        await #expect { try await service.request(message: .text("[]")) } throws: {
            ($0 as? SocketServiceError)?.code == .notCorrelatable
        }
        await #expect { try await service.request(message: .text("[]"), correlated: false) } throws: {
            ($0 as? SocketServiceError)?.code == .notCorrelatable
        }
        await service.stop()
    }

    @Test("A request times out, and its late answer is a message like any other") func timeout() async throws {
        let fixture = Fixture()
        let peer = try await fixture.openDirect()
        let service = fixture.service
        let request = Task {
            try await service.request(Query(), reply: "chart", as: Chart.self, timeout: .seconds(5))
        }
        let id = try await peer.nextCorrelationID()
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        await #expect { try await request.value } throws: {
            ($0 as? SocketServiceError)?.code == .requestTimedOut
        }
        // Its answer is a message like any other now.
        peer.deliver(#"{"socketType":"chart","value":1,"id":\#(id)}"#)
        try await fixture.events.next { $0.hasPrefix("unhandled chart") }
        #expect(fixture.clock.sleeperCount == 0)
        await service.stop()
    }

    @Test("A request waits for the connection no longer than its timeout")
    func aRequestWaitsForTheConnectionNoLongerThanItsTimeout() async throws {
        let fixture = Fixture([.hang])
        try await fixture.service.start()
        let service = fixture.service
        let request = Task { try await service.request(Query(), as: Chart.self, timeout: .seconds(5)) }
        await until { service.statistics.queuedMessages == 1 }
        fixture.clock.advance(by: .seconds(5))
        await #expect(throws: SocketServiceError.self) { try await request.value }
        #expect(service.statistics.queuedMessages == 0, "nobody waits for its answer any more")
        await service.stop()
    }

    @Test("Losing the connection fails a request unless it survives that")
    func losingTheConnectionFailsARequestUnlessItSurvives() async throws {
        let fixture = Fixture(reconnect: .fixed(.zero))
        let peer = try await fixture.openDirect()
        let service = fixture.service
        let fragile = Task { try await service.request(Query(id: "fragile"), as: Chart.self) }
        let tough = Task { try await service.request(Query(id: "tough"), as: Chart.self, survivesReconnect: true) }
        await until { service.requests.sentCount == 2 }
        peer.abort()
        await #expect {
            try await fragile.value
        } throws: { ($0 as? SocketServiceError)?.code == .connectionFailed }
        let next = try await fixture.transport.nextConnection()
        next.deliver(#"{"socketType":"chart","value":1,"id":"tough"}"#)
        #expect(try await tough.value.value == 1)
        #expect(next.sent.isEmpty, "a request is not sent twice")
        await service.stop()
    }

    @Test("A request that the queue drops fails with the reason") func aRequestDroppedFromTheQueueFails() async throws {
        let fixture = Fixture(queue: QueuePolicy(limit: 1))
        let service = fixture.service
        let request = Task { try await service.request(Query(), as: Chart.self) }
        await until { service.statistics.queuedMessages == 1 }
        try await service.send("takes its place")
        await #expect { try await request.value } throws: {
            ($0 as? SocketServiceError)?.dropReason == .queueFull
        }
        await service.stop()
    }

    @Test("Every other end completes a request once", arguments: ["stop", "pause", "give up", "cancel"])
    func everyOtherEndCompletesARequestOnce(end: String) async throws {
        let fixture = Fixture(reconnect: .never)
        let peer = try await fixture.openDirect()
        let service = fixture.service
        let request = Task { try await service.request(Query(), as: Chart.self) }
        await until { service.requests.sentCount == 1 }
        switch end {
        case "stop": await service.stop()
        case "pause": await service.pause()
        case "give up": peer.abort()
        default: request.cancel()
        }
        let code = await #expect(throws: (any Error).self) { try await request.value }
            .map { ($0 as? SocketServiceError)?.code.description ?? "\($0)" }
        let expected = [
            "stop": "stopped", "pause": "connectionFailed", "give up": "connectionFailed",
            "cancel": "CancellationError()",
        ]
        #expect(code == expected[end])
        #expect(service.requests.isEmpty)
        await service.stop()
        #expect(fixture.clock.sleeperCount == 0)
    }

    @Test("An answer of another type is an error of the caller")
    func anAnswerOfAnotherTypeIsTheCallersError() async throws {
        let fixture = Fixture()
        let peer = try await fixture.openDirect()
        let service = fixture.service
        let request = Task { try await service.request(Query(id: "x"), as: Chart.self) }
        _ = try await peer.nextCorrelationID()
        peer.deliver(#"{"socketType":"error","id":"x"}"#)
        await #expect { try await request.value } throws: {
            ($0 as? SocketServiceError)?.code == .decodingFailed
        }
        await service.stop()
    }
}

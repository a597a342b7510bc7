import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("Requests and their answers", .timeLimit(.minutes(10))) struct RequestTests {
    struct Query: Encodable {
        var action = "get"
        var id: String?
    }

    struct Chart: Decodable, Equatable {
        let socketType: String
        let value: Int
    }

    @Test("An answer finds its request and no other, and the rest goes to the handlers")
    func theAnswerFindsItsRequestAndNobodyElse() async throws {
        let fixture = Fixture()
        let dispatched = Recorder<String>()
        fixture.service.onMessage { dispatched.add($0.text ?? "") }
        let peer = try await fixture.openDirect()
        let service = fixture.service
        let first = Task { try await service.request(Query(), reply: "chart", as: Chart.self) }
        let firstID = try await peer.nextCorrelationID()
        let second = Task { try await service.request(Query(), reply: "chart", as: Chart.self) }
        let secondID = try await peer.nextCorrelationID()
        #expect(firstID != secondID)
        peer.deliver(
            #"{"socketType":"chart","value":0}"#,
            #"{"socketType":"other","id":\#(firstID)}"#,
            #"{"socketType":"chart","value":2,"id":\#(secondID)}"#,
            #"{"socketType":"chart","value":1,"id":\#(firstID)}"#,
            #"{"socketType":"chart","value":3,"id":\#(firstID)}"#)
        #expect(try await first.value == Chart(socketType: "chart", value: 1))
        #expect(try await second.value == Chart(socketType: "chart", value: 2))
        #expect(
            try await dispatched.next(3) == [
                #"{"socketType":"chart","value":0}"#, #"{"socketType":"other","id":\#(firstID)}"#,
                #"{"socketType":"chart","value":3,"id":\#(firstID)}"#,
            ])
        #expect(service.requests.isEmpty)
        await service.stop()
    }

    @Test(
        "The answer to a request that waited for room is its answer, however soon it comes", arguments: [false, true])
    func theAnswerToWhatWaitedForRoom(drains: Bool) async throws {
        for _ in 0..<50 {
            let fixture = Fixture()
            let service = fixture.service
            let unhandled = Recorder<String>()
            service.onUnhandled { message, _ in unhandled.add(message.text ?? "") }
            if drains { try await service.send("queued") }
            let peer = try await fixture.open()
            if !drains { await fixture.untilDirect() } else { #expect(try await peer.nextSent() == .text("queued")) }
            peer.holdSends()
            let request = Task { try await service.request(Query(id: "r"), as: Chart.self) }
            await until { peer.heldSendCount == 1 }
            peer.releaseSends()
            _ = try await peer.nextSent()
            peer.deliver(#"{"socketType":"chart","value":7,"id":"r"}"#)
            #expect(try await request.value.value == 7)
            await service.stop()
            #expect(unhandled.all == [])
        }
    }

    @Test("An ID of the app's own is kept") func anIDOfTheAppsOwnIsKept() async throws {
        let fixture = Fixture()
        let peer = try await fixture.openDirect()
        let service = fixture.service
        let request = Task { try await service.request(Query(id: "mine"), as: Chart.self) }
        #expect(try await peer.nextCorrelationID() == "mine")
        peer.deliver(#"{"socketType":"chart","value":7,"id":"mine"}"#)
        #expect(try await request.value.value == 7)
        await service.stop()
    }

    @Test("Without correlation, messages of the route answer in order")
    func withoutCorrelationTheRouteAnswersInOrder() async throws {
        let fixture = Fixture()
        let peer = try await fixture.openDirect()
        let service = fixture.service
        let requests = Recorder<Task<Chart, any Error>>()
        for count in 1...2 {
            requests.add(Task { try await service.request(Query(), reply: "chart", correlated: false) })
            await until { peer.sent.count == count }
        }
        #expect(peer.sent.allSatisfy { $0.text == #"{"action":"get"}"# })
        peer.deliver(#"{"socketType":"chart","value":1}"#, #"{"socketType":"chart","value":2}"#)
        #expect(try await requests.all[0].value.value == 1)
        #expect(try await requests.all[1].value.value == 2)
        await service.stop()
    }

    @Test("A queued request is sent on the next connection, and answered")
    func aQueuedRequestIsSentOnTheNextConnectionAndAnswered() async throws {
        let fixture = Fixture([.connectionRefused])
        let service = fixture.service
        try await service.start()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        let request = Task { try await service.request(Query(), as: Chart.self, timeout: .seconds(60)) }
        await until { service.statistics.queuedMessages == 1 }
        fixture.clock.advance(by: .seconds(1))
        let peer = try await fixture.transport.nextConnection()
        peer.deliver(#"{"socketType":"chart","value":4,"id":\#(try await peer.nextCorrelationID())}"#)
        #expect(try await request.value.value == 4)
        await service.stop()
    }

    @Test("An onOpen handler may log in before the queue is sent")
    func anOnOpenHandlerMayLogInBeforeTheQueueIsSent() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let calls = Recorder<String>()
        service.onMessage { calls.add($0.text ?? "") }
        service.onOpen { _ in
            let reply = try await service.request(message: .text(#"{"id":"login"}"#))
            calls.add("logged in \(reply.text ?? "")")
        }
        try await service.send("queued")
        let peer = try await fixture.open()
        #expect(try await peer.nextSent() == .text(#"{"id":"login"}"#))
        peer.deliver("greeting")
        peer.deliver("second greeting", #"{"id":"login"}"#, "third")
        #expect(
            try await calls.next(4) == [#"logged in {"id":"login"}"#, "greeting", "second greeting", "third"])
        #expect(try await peer.nextSent() == .text("queued"))
        await service.stop()
    }

    @Test("A message handler may wait for an answer that comes after other messages")
    func aMessageHandlerMayWaitForAnAnswerThatComesAfterOtherMessages() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let calls = Recorder<String>()
        service.register("ask") { _ in
            let reply = try await service.request(message: .text(#"{"id":"q"}"#))
            calls.add("answer \(reply.text ?? "")")
        }
        service.register("n") { calls.add($0.text ?? "") }
        let peer = try await fixture.openDirect()
        peer.deliver(#"{"socketType":"ask"}"#, #"{"socketType":"n","v":0}"#)
        _ = try await peer.nextCorrelationID()
        for value in 1...20 { peer.deliver(#"{"socketType":"n","v":\#(value)}"#) }
        peer.deliver(#"{"id":"q"}"#)
        let expected = [#"answer {"id":"q"}"#] + (0...20).map { #"{"socketType":"n","v":\#($0)}"# }
        #expect(try await calls.next(22) == expected)
        await service.stop()
    }

    /// An unrelated message of the route comes while the request is still in the queue.
    @Test("Only a request that a connection has taken can be answered")
    func onlyWhatAConnectionHasTakenCanBeAnswered() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        let calls = Recorder<String>()
        service.onOpen { _ in
            entered.succeed()
            try await proceed.value()
        }
        service.register("chart") { calls.add($0.text ?? "") }
        let peer = try await fixture.open()
        try await entered.value()
        let request = Task {
            try await service.request(Query(), reply: "chart", as: Chart.self, correlated: false)
        }
        await until { service.statistics.queuedMessages == 1 }
        peer.deliver(#"{"socketType":"chart","value":0}"#)
        try await peer.waitUntilRead()
        proceed.succeed()
        #expect(try await peer.nextSent() == .text(#"{"action":"get"}"#))
        #expect(try await calls.next() == #"{"socketType":"chart","value":0}"#)
        peer.deliver(#"{"socketType":"chart","value":1}"#)
        #expect(try await request.value.value == 1)
        await service.stop()
    }

    @Test("A request that waits above the high-water mark cannot be answered")
    func aRequestThatWaitsAboveTheHighWaterMarkCannotBeAnswered() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let peer = try await fixture.openDirect()
        peer.holdSends()
        let request = Task {
            try await service.request(Query(), reply: "chart", as: Chart.self, correlated: false)
        }
        await until { peer.heldSendCount == 1 }
        peer.deliver(#"{"socketType":"chart","value":0}"#)
        try await fixture.events.next { $0.hasPrefix("unhandled chart") }
        peer.releaseSends()
        await until { service.requests.sentCount == 1 }
        peer.deliver(#"{"socketType":"chart","value":1}"#)
        #expect(try await request.value.value == 1)
        await service.stop()
    }

    @Test("A request of the peer's own and a null ID are no answers")
    func aRequestOfThePeersOwnAndANullIDAreNoAnswers() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let peer = try await fixture.openDirect()
        let request = Task { try await service.request(message: .text(#"{"jsonrpc":"2.0","method":"get"}"#)) }
        let id = try await peer.nextCorrelationID()
        peer.deliver(
            #"{"jsonrpc":"2.0","method":"ask","id":\#(id)}"#, #"{"jsonrpc":"2.0","error":{},"id":null}"#,
            #"{"jsonrpc":"2.0","result":7,"id":\#(id)}"#)
        #expect(try await request.value.text?.contains("result") == true)
        try await fixture.events.next { $0.contains("ask") }
        try await fixture.events.next { $0.contains("null") }
        await service.stop()
    }

    @Test("IDs are allotted in the order of sending") func idsAreAllottedInTheOrderOfSending() async throws {
        let fixture = Fixture()
        let service = fixture.service
        let peer = try await fixture.openDirect()
        // One after the other, as far as they do not wait: those of several threads may overtake each other.
        let executor = TestExecutor()
        let requests = (0..<100).map { _ in
            Task(executorPreference: executor) { _ = try? await service.request(message: .text("{}")) }
        }
        await until { peer.sent.count == 100 }
        let ids = peer.sent.compactMap { JSONRouter().correlationID(of: $0).flatMap { UInt64($0) } }
        #expect(ids.count == 100 && ids == ids.sorted())
        await service.stop()
        for request in requests { await request.value }
    }
}

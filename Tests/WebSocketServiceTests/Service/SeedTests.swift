import HTTPTypes
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

/// The three JavaScript wrappers that this library started from: each thing that they do, and each of their bugs, which must
/// not be here.
@Suite("The wrappers that this library started from", .timeLimit(.minutes(10))) struct SeedTests {
    private struct MapData: Codable, Equatable {
        var socketType = "mapData"
        var value: Int
    }

    private struct Query: Encodable {
        let action: String
        let socketType: String
    }

    @Test("The four events come as callbacks and as a sequence")
    func fourEventsAsCallbacksAndAsASequence() async throws {
        let fixture = Fixture(reconnect: .never)
        let calls = Recorder<String>()
        fixture.service.onOpen { calls.add("open \($0.handshake.status.code)") }
        fixture.service.onMessage { calls.add("message \($0.text ?? "")") }
        fixture.service.onError { calls.add("error \($0.code)") }
        fixture.service.onClose { calls.add("close \($0.code.rawValue)") }
        let peer = try await fixture.open()
        peer.deliver("hello")
        #expect(
            try await fixture.events.next(3) == ["connecting 1 feed.example.com", "open", "unhandled nil hello"])
        peer.drop()
        #expect(
            try await calls.next(5) == [
                "open 101", "message hello", "error connectionFailed", "close 1006", "error gaveUp",
            ])
        #expect(
            try await fixture.events.next(3) == [
                "failed the connection was lost: the scripted peer dropped the connection", "closed 1006",
                "gave up after 1",
            ])
        await fixture.service.stop()
    }

    @Test("A message is sent, and the connection closed with a code and a reason")
    func sendAndCloseWithACodeAndAReason() async throws {
        let fixture = Fixture()
        let peer = try await fixture.open()
        await fixture.untilDirect()
        #expect(try await fixture.service.send("hello") == .sent)
        #expect(try await peer.nextSent() == .text("hello"))
        await fixture.service.stop(code: .goingAway, reason: "done")
        #expect(peer.closure?.sent == CloseFrame(code: .goingAway, reason: "done"))
    }

    @Test("Text and binary data go both ways unchanged") func textAndBinaryData() async throws {
        let fixture = Fixture(configure: { $0.router = .custom { $0.kind == .binary ? "binary" : "text" } })
        let received = Recorder<WebSocketMessage>()
        fixture.service.register("text") { received.add($0) }
        fixture.service.register("binary") { received.add($0) }
        let peer = try await fixture.open()
        peer.deliver([.text("é"), .binary([0, 255])])
        #expect(try await received.next(2) == [.text("é"), .binary([0, 255])])
        await fixture.untilDirect()
        try await fixture.service.send("é")
        try await fixture.service.send([0, 255] as [UInt8])
        #expect(peer.sent == [.text("é"), .binary([0, 255])])
        await fixture.service.stop()
    }

    @Test("The whole handshake response is visible") func theWholeHandshakeResponseIsVisible() async throws {
        let fixture = Fixture([.open(headers: [.server: "seed"], subprotocol: "v2")])
        let contexts = Recorder<OpenContext>()
        fixture.service.onOpen { contexts.add($0) }
        _ = try await fixture.open()
        let context = try await contexts.next()
        #expect(context.handshake.status == .switchingProtocols)
        #expect(context.handshake.headers[.server] == "seed")
        #expect(context.handshake.subprotocol == "v2")
        #expect(context.url == "wss://feed.example.com/stream")
        #expect(!context.isReconnect)
        await fixture.service.stop()
    }

    @Test(
        "A URL is built from a page's scheme and host, a port and a name",
        arguments: [
            ("https://www.example.com/app#/home", "wss://www.example.com:9098/name/xx"),
            ("http://user:secret@www.example.com:8080/app", "ws://www.example.com:9098/name/xx"),
        ])
    func aURLBuiltFromThePagesProtocolHostAPortAndAName(page: String, url: String) async throws {
        let transport = ScriptedTransport()
        let service = SocketService(
            try Endpoint(base: page, port: 9098, path: "name/xx"), transport: transport,
            options: .init(clock: ManualClock(), logger: .silent))
        try await service.start()
        #expect(try await transport.nextConnection().request == ConnectRequest(url: url))
        await service.stop()
    }

    @Test("Credentials of an endpoint become the Authorization header, unless there is one")
    func credentialsOfAnEndpointBecomeTheAuthorizationHeaderUnlessThereIsOne() throws {
        let endpoint = try Endpoint("wss://user:secret@feed.example.com/")
        #expect(
            ConnectRequest(endpoint)
                == ConnectRequest(
                    url: "wss://feed.example.com/", headers: [.authorization: "Basic dXNlcjpzZWNyZXQ="]))
        #expect(
            ConnectRequest(endpoint, headers: [.authorization: "Bearer x"]).headers == [.authorization: "Bearer x"])
    }

    @Test("Two services never mix their messages") func twoSocketsNeverMixTheirMessages() async throws {
        let (first, second) = (Fixture(), Fixture())
        let received = Recorder<String>()
        first.service.register("mapData") { received.add("first \($0.text ?? "")") }
        second.service.register("mapData") { received.add("second \($0.text ?? "")") }
        let (firstPeer, secondPeer) = (try await first.open(), try await second.open())
        for number in 1...50 {
            secondPeer.deliver(#"{"socketType":"mapData","to":2,"n":\#(number)}"#)
            firstPeer.deliver(#"{"socketType":"mapData","to":1,"n":\#(number)}"#)
        }
        let all = try await received.next(100)
        for (name, to) in [("first", 1), ("second", 2)] {
            #expect(
                all.filter { $0.hasPrefix(name) }
                    == (1...50).map { #"\#(name) {"socketType":"mapData","to":\#(to),"n":\#($0)}"# })
        }
        await first.service.stop()
        secondPeer.deliver(#"{"socketType":"mapData"}"#)
        #expect(try await received.next() == #"second {"socketType":"mapData"}"#)
        await second.service.stop()
    }

    @Test("A service connects when it is started, not before, and closes cleanly when it is stopped")
    func createdAndDestroyed() async throws {
        let fixture = Fixture()
        #expect(fixture.service.state == .idle)
        #expect(fixture.transport.requests.isEmpty, "nothing happens before the start")
        let peer = try await fixture.open()
        #expect(fixture.service.state == .open)
        await fixture.service.stop()
        #expect(fixture.service.state == .closed)
        #expect(peer.closure?.isClean == true)
    }

    @Test("Handlers of a name are called until they are unregistered")
    func namedCallbacksByRegisteringAndUnregistering() async throws {
        let fixture = Fixture()
        let received = Recorder<String>()
        let token = fixture.service.register("mapData", as: MapData.self) { received.add("first \($0.value)") }
        fixture.service.register("mapData") { received.add("second \($0.text ?? "")") }
        fixture.service.onUnhandled { received.add("unhandled \($1 ?? "nil") \($0.text ?? "")") }
        let peer = try await fixture.open()
        peer.deliver(#"{"socketType":"mapData","value":1}"#)
        #expect(try await received.next(2) == ["first 1", #"second {"socketType":"mapData","value":1}"#])
        token.cancel()
        peer.deliver(#"{"socketType":"mapData","value":2}"#)
        #expect(try await received.next() == #"second {"socketType":"mapData","value":2}"#)
        #expect(fixture.service.unregister("mapData") == 1)
        peer.deliver(#"{"socketType":"mapData","value":3}"#)
        #expect(try await received.next() == #"unhandled mapData {"socketType":"mapData","value":3}"#)
        await fixture.service.stop()
    }

    @Test("The linear policy reconnects after n seconds, at most ten times")
    func reconnectAfterNSecondsAtMostTenTimes() async throws {
        let fixture = Fixture(afterwards: .connectionRefused, reconnect: .linear())
        try await fixture.service.start()
        for n in 1...10 {
            try await fixture.events.next { $0 == "waiting \(Duration.seconds(n)) for \(n + 1)" }
            fixture.clock.advance(by: .seconds(n))
        }
        try await fixture.events.next { $0 == "gave up after 11" }
        #expect(fixture.transport.requests.count == 11)
        await fixture.service.stop()
    }

    @Test("A policy can reconnect only after 1006") func reconnectOnlyAfter1006() async throws {
        var policy = ReconnectPolicy.fixed(.seconds(1), maximumRetries: 3)
        policy.overrule = { context, decision in
            context.failure.closure.map { $0.code == .abnormalClosure } ?? true ? decision : .giveUp
        }
        let fixture = Fixture(reconnect: policy)
        let peer = try await fixture.open()
        peer.drop()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        fixture.clock.advance(by: .seconds(1))
        try await fixture.transport.nextConnection().close(code: .goingAway)
        try await fixture.events.next { $0.hasPrefix("gave up") }
        #expect(fixture.transport.connections.count == 2)
        await fixture.service.stop()
    }

    @Test("A stable connection resets the counter") func theCounterIsResetByAStableConnection() async throws {
        let fixture = Fixture([.connectionRefused, .open(), .connectionRefused], reconnect: .linear())
        try await fixture.service.start()
        try await fixture.events.next { $0 == "waiting \(Duration.seconds(1)) for 2" }
        fixture.clock.advance(by: .seconds(1))
        let peer = try await fixture.transport.nextConnection()
        try await fixture.events.next { $0 == "open" }
        fixture.clock.advance(by: .seconds(10))
        peer.drop()
        try await fixture.events.next { $0 == "waiting \(Duration.seconds(1)) for 2" }
        fixture.clock.advance(by: .seconds(1))
        try await fixture.events.next { $0 == "waiting \(Duration.seconds(2)) for 3" }
        await fixture.service.stop()
    }

    @Test("A send while disconnected keeps its argument") func sendWhileDisconnectedKeepsItsArgument() async throws {
        let fixture = Fixture([.connectionRefused])
        #expect(try await fixture.service.send(Query(action: "getData", socketType: "mapData")) == .queued)
        try await fixture.service.start()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        #expect(try await fixture.service.send("second") == .queued)
        fixture.clock.advance(by: .seconds(1))
        let peer = try await fixture.transport.nextConnection()
        let first = try await peer.nextSent()
        #expect(first.text?.contains(#""action":"getData""#) == true)
        #expect(try await peer.nextSent() == .text("second"))
        await fixture.service.stop()
    }

    @Test("A heartbeat comes on open and every 60 s, is put off by traffic, and ends with the connection")
    func heartbeatEverySixtySecondsFirstOnOpenRestartedByTrafficClearedOnClose() async throws {
        let fixture = Fixture(heartbeat: .message(.text("beat"), timeout: nil))
        fixture.service.onOpen { _ in try await fixture.service.send("hello") }
        let peer = try await fixture.open()
        #expect(try await [peer.nextSent(), peer.nextSent()] == [.text("beat"), .text("hello")])
        try await fixture.clock.waitForSleepers()
        fixture.clock.advance(by: .seconds(60))
        #expect(try await peer.nextSent() == .text("beat"))

        try await fixture.clock.waitForSleepers()
        fixture.clock.advance(by: .seconds(59))
        peer.deliver("traffic")
        try await fixture.events.next { $0.hasPrefix("unhandled") }
        fixture.clock.advance(by: .seconds(1))
        try await fixture.clock.waitForSleepers()
        #expect(fixture.clock.nextDeadline?.sinceStart == .seconds(60 + 59 + 60))
        #expect(peer.sent.count == 3)

        await fixture.service.stop()
        #expect(fixture.clock.sleeperCount == 0)
    }

    /// One message in each state of one life; the table with every column is `SendTests`.
    @Test("The state decides what send() does") func readyStateDecidesWhatSendDoes() async throws {
        let fixture = Fixture([.hang, .connectionRefused, .open()])
        let service = fixture.service
        func send() async throws -> String { "\(service.state) \(try await service.send("x"))" }
        #expect(try await send() == "idle queued")
        try await service.start()
        _ = try await fixture.transport.nextRequest()
        #expect(try await send() == "connecting queued")
        await service.pause()
        service.resume()
        try await fixture.events.next { $0.hasPrefix("waiting") }
        #expect(try await send() == "reconnecting queued")
        fixture.clock.advance(by: .seconds(1))
        let peer = try await fixture.transport.nextConnection()
        await fixture.untilDirect()
        #expect(try await send() == "open sent")
        #expect(peer.sent.count == 4)
        peer.answerClose(false)
        async let stopped = service.stop()
        await until { service.state == .closing }
        #expect(try await send() == "closing dropped(the service is stopping, was stopped or gave up)")
        try await fixture.clock.advance(toSleeperIn: .seconds(5))
        #expect(await stopped == [])
        #expect(try await send() == "closed dropped(the service is stopping, was stopped or gave up)")
    }

    @Test("A library that cannot do the job is a clear error, and not tried again")
    func aLibraryThatCannotDoTheJobIsAClearErrorAndNotTriedAgain() async throws {
        let unsuitable = WebSocketError(
            .libraryUnsuitable, stage: .configuration, message: "libwebsockets was built without TLS")
        let fixture = Fixture(afterwards: .fail(unsuitable))
        let errors = Recorder<SocketServiceError>()
        fixture.service.onError { errors.add($0) }
        try await fixture.service.start()
        let last = try await fixture.events.next { $0.hasPrefix("gave up") || $0.hasPrefix("waiting") }
        try #require(last == "gave up after 1")
        #expect(try await errors.next { $0.code == .gaveUp }.message.contains("libwebsockets was built without TLS"))
        await fixture.service.stop()
    }

    @Test("After the last try, the app is told") func afterTheLastTryTheAppIsTold() async throws {
        let fixture = Fixture(afterwards: .connectionRefused, reconnect: .fixed(.zero, maximumRetries: 2))
        let errors = Recorder<SocketServiceError>()
        fixture.service.onError { errors.add($0) }
        try await fixture.service.start()
        let last = try await errors.next { $0.code == .gaveUp }
        #expect(last.message.hasPrefix("gave up after 3 failed attempts"))
        #expect((last.underlying as? WebSocketError)?.code == .connectFailed)
        #expect(fixture.service.state == .closed)
        try await fixture.events.next { $0 == "gave up after 3" }
        await fixture.service.stop()
    }
}

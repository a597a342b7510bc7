import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

/// The bounds of reading while a handler runs.
@Suite("Reading while a handler runs", .timeLimit(.minutes(10))) struct InboxBoundsTests {
    private let large = WebSocketMessage.binary(Array(repeating: 0, count: 100))

    /// Room for ten of those.
    private var limit: Int { 10 * Inbox.memory(of: [large]) }

    @Test("It goes on up to a number of bytes of memory, then the network is paused")
    func bytes() async throws {
        let fixture = Fixture(configure: { $0.inboxByteLimit = limit })
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        fixture.service.onMessage { message in
            guard message.text == "slow" else { return }
            entered.succeed()
            try await proceed.value()
        }
        let peer = try await fixture.open()
        peer.deliver("slow")
        try await entered.value()
        for _ in 0..<15 { peer.deliver([large]) }
        await until { fixture.service.dispatcher.roomWaiterCount == 1 }
        #expect(peer.unreadCount == 5)
        proceed.succeed()
        try await peer.waitUntilRead()
        #expect(peer.unreadCount == 0)
        await fixture.service.stop()
    }

    @Test("A handler's request whose answer stands behind more fails at once", arguments: [true, false])
    func aRequest(isFullBefore: Bool) async throws {
        let fixture = Fixture(configure: { $0.inboxByteLimit = limit })
        let (service, proceed) = (fixture.service, Completion<Void>())
        let codes = Recorder<String>()
        service.register("ask") { _ in
            if isFullBefore { try await proceed.value() }
            do {
                _ = try await service.request(message: .text(#"{"id":"q"}"#))
            } catch {
                codes.add("\((error as? SocketServiceError)?.code.description ?? "\(error)")")
            }
        }
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.deliver(#"{"socketType":"ask"}"#)
        if !isFullBefore { _ = try await peer.nextSent() }
        for _ in 0..<15 { peer.deliver([large]) }
        peer.deliver(#"{"id":"q"}"#)
        if isFullBefore {
            await until { service.dispatcher.roomWaiterCount == 1 }
            proceed.succeed()
        }
        #expect(try await codes.next() == "inboxFull")
        #expect(fixture.clock.now.sinceStart == .zero)
        await service.stop()
    }

    @Test("A request from outside waits for the handler to return")
    func aRequestFromOutside() async throws {
        let fixture = Fixture(configure: { $0.inboxByteLimit = limit })
        let (service, proceed) = (fixture.service, Completion<Void>())
        service.register("slow") { _ in try await proceed.value() }
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.deliver(#"{"socketType":"slow"}"#)
        for _ in 0..<15 { peer.deliver([large]) }
        await until { service.dispatcher.roomWaiterCount == 1 }
        let request = Task { try await service.request(message: .text(#"{"id":"q"}"#)) }
        _ = try await peer.nextSent()
        peer.deliver(#"{"id":"q"}"#)
        proceed.succeed()
        #expect(try await request.value == .text(#"{"id":"q"}"#))
        await service.stop()
    }

    @Test("A handler that sends to a peer that does not read does not wait for it while the peer waits for the handler")
    func aSend() async throws {
        let fixture = Fixture(configure: { $0.inboxByteLimit = limit })
        let service = fixture.service
        let results = Recorder<String>()
        service.register("echo") { _ in
            do {
                results.add("\(try await service.send("echo"))")
            } catch {
                results.add("\((error as? SocketServiceError)?.code.description ?? "\(error)")")
            }
        }
        let peer = try await fixture.open()
        await fixture.untilDirect()
        peer.holdSends()
        peer.deliver(#"{"socketType":"echo"}"#)
        await until { peer.heldSendCount == 1 }
        for _ in 0..<15 { peer.deliver([large]) }
        #expect(try await results.next() == "inboxFull")
        peer.releaseSends()
        #expect(peer.sent.isEmpty)
        peer.deliver(#"{"socketType":"echo"}"#)
        #expect(try await results.next() == "sent")
        await service.stop()
    }

    @Test("An answer that came right before the connection's end is found, also when nobody could read on")
    func anAnswerBeforeTheEnd() async throws {
        let fixture = Fixture(reconnect: .never)
        let service = fixture.service
        let peer = try await fixture.open()
        await fixture.untilDirect()
        let request = Task { try await service.request(message: .text(#"{"id":"q"}"#)) }
        _ = try await peer.nextSent()
        peer.deliver(#"{"id":"q"}"#)
        peer.close(code: .normalClosure)
        #expect(try await request.value == .text(#"{"id":"q"}"#))
        await service.stop()
    }
}

@Suite("The failure that an end is told as") struct ConnectionFailureOfAnEndTests {
    @Test("A close frame of the peer tells more than the error that followed")
    func whatThePeerSaidTellsMoreThanTheErrorThatFollowed() {
        let frame = CloseFrame(code: .serviceRestart, reason: "soon back")
        let error = WebSocketError(.connectionLost, stage: .open, message: "lost")
        let said = WebSocketClosure(initiator: .remote, sent: nil, received: frame)
        let silent = WebSocketClosure(initiator: .connectionLoss, sent: nil, received: nil)
        for (closure, error, isLost) in [
            (said, error, false), (said, nil, false), (silent, error, true), (silent, nil, false),
        ]
            as [(WebSocketClosure, WebSocketError?, Bool)]
        {
            switch ConnectionLife.failure(closure, error) {
            case .closed(let told): #expect(!isLost && told == closure)
            case .lost: #expect(isLost)
            default: Issue.record("neither closed nor lost")
            }
        }
    }
}

import HTTPTypes
import Testing
import WebSocketService

@testable import WebSocketTesting

@Suite(.timeLimit(.minutes(10))) struct ScriptedTransportTests {
    private let request = ConnectRequest(url: "wss://feed.example.com/", headers: [.authorization: "Bearer x"])

    private func open() async throws -> (client: any SocketConnection, peer: ScriptedConnection) {
        let transport = ScriptedTransport()
        let client = try await transport.connect(to: request)
        return (client, try await transport.nextConnection())
    }

    @Test("Attempts end as scripted, and later ones as the rest")
    func attemptsEndAsScriptedAndThenAsTheRest() async throws {
        let transport = ScriptedTransport(
            [.connectionRefused, .refuse(.tooManyRequests, retryAfter: .seconds(7)), .failTLS(.expired)],
            afterwards: .open(headers: [.server: "scripted"], subprotocol: "v2"))
        await #expect { try await transport.connect(to: request) } throws: {
            ($0 as? WebSocketError)?.code == .connectFailed
        }
        await #expect { try await transport.connect(to: request) } throws: {
            let refusal = ($0 as? WebSocketError)?.refusal
            return refusal?.status == .tooManyRequests && refusal?.retryAfter == .seconds(7)
        }
        await #expect { try await transport.connect(to: request) } throws: {
            ($0 as? WebSocketError)?.tlsFailure?.reason == .expired
        }
        for _ in 1...2 {
            let connection = try await transport.connect(to: request)
            #expect(connection.handshake == HandshakeResponse(headers: [.server: "scripted"], subprotocol: "v2"))
        }
        #expect(transport.requests == Array(repeating: request, count: 5))
        #expect(transport.connections.count == 2)
        #expect(try await transport.nextConnection().request == request)
    }

    @Test("A hanging attempt ends when it is cancelled") func aHangingAttemptEndsWhenItIsCancelled() async throws {
        let transport = ScriptedTransport([.hang])
        let attempt = Task { [request] in _ = try await transport.connect(to: request) }
        _ = try await transport.nextRequest()
        attempt.cancel()
        await #expect(throws: CancellationError.self) { try await attempt.value }
        #expect(transport.connections.isEmpty)
    }

    @Test(
        "A URL is valid with the scheme ws or wss",
        arguments: [("ws://a/", true), ("wss://a/", true), ("http://a/", false), ("", false), ("a", false)])
    func validation(url: String, isValid: Bool) {
        let isAccepted = (try? ScriptedTransport().validate(ConnectRequest(url: url))) != nil
        #expect(isAccepted == isValid)
    }

    @Test("Batches arrive as delivered, before and after the client asks")
    func batchesArriveAsDeliveredBeforeAndAfterTheClientAsks() async throws {
        let (client, peer) = try await open()
        peer.deliver("a", "b")
        peer.deliver("c")
        #expect(peer.unreadCount == 3)
        #expect(try await client.nextMessages() == [.text("a"), .text("b")])
        #expect(try await client.nextMessages() == [.text("c")])
        async let late = client.nextMessages()
        try await peer.waitUntilRead()
        peer.deliver("d")
        #expect(try await late == [.text("d")])
        #expect(client.bytesReceived == 4)
        peer.deliverPartOfMessage(byteCount: 10)
        #expect(client.bytesReceived == 14)
    }

    @Test("A reader that is cancelled loses nothing") func aCancelledReaderLosesNothing() async throws {
        let (client, peer) = try await open()
        let reader = Task { try await client.nextMessages() }
        try await peer.waitUntilRead()
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
        peer.deliver("a")
        #expect(try await client.nextMessages() == [.text("a")])
    }

    @Test("The peer's close follows the messages that it delivered")
    func thePeersCloseFollowsWhatItDelivered() async throws {
        let (client, peer) = try await open()
        peer.deliver("last words")
        peer.close(code: .serviceRestart, reason: "bye")
        #expect(try await client.nextMessages() == [.text("last words")])
        #expect(try await client.nextMessages() == nil)
        #expect(client.closure?.code == .serviceRestart)
        #expect(client.closure?.reason == "bye")
        #expect(client.closure?.initiator == .remote)
        await #expect(throws: WebSocketError.self) { try await client.send(.text("late")) }
        await #expect(throws: WebSocketError.self) { _ = try await client.ping() }
        #expect(await client.close(code: .normalClosure, reason: "") == client.closure)
    }

    @Test("An abort follows the messages that were delivered, and throws")
    func aDropFollowsWhatWasDeliveredAndThrows() async throws {
        let (client, peer) = try await open()
        peer.deliver("last words")
        peer.abort()
        #expect(try await client.nextMessages() == [.text("last words")])
        await #expect { _ = try await client.nextMessages() } throws: {
            ($0 as? WebSocketError)?.code == .connectionLost
        }
        #expect(client.closure?.code == .abnormalClosure)
    }

    @Test("The end is told while messages are unread and nobody reads")
    func theEndIsToldWhileMessagesAreUnreadAndNobodyReads() async throws {
        let frame = CloseFrame(code: .goingAway, reason: "bye")
        let (client, peer) = try await open()
        peer.deliver("last", "words")
        #expect(client.closeError == nil)
        peer.close(code: .goingAway, reason: "bye")
        #expect(try await client.ended().received == frame)
        #expect(client.closeError == nil, "a close handshake is no error")
        #expect(try await client.nextMessages() == [.text("last"), .text("words")])
        #expect(try await client.nextMessages() == nil)
        #expect(try await client.ended().received == frame, "again, at once")

        let (lostClient, lostPeer) = try await open()
        lostPeer.deliver("last words")
        lostPeer.abort()
        #expect(try await lostClient.ended().initiator == .connectionLoss)
        #expect((lostClient.closeError as? WebSocketError)?.code == .connectionLost)
        #expect(try await lostClient.nextMessages() == [.text("last words")])
    }

    @Test("Whoever ends the connection, all who wait for that are told, on both sides", arguments: 0..<4)
    func theEndIsToldToAnyNumber(whoEnds: Int) async throws {
        let (client, peer) = try await open()
        let waiting = (0..<3).map { _ in Task { try await client.ended() } }
        let peerWaiting = Task { try await peer.ended() }
        while peer.client.endWaiterCount < 4 { await Task.yield() }
        switch whoEnds {
        case 0: peer.close()
        case 1: peer.abort()
        case 2: client.abort()
        default: _ = await client.close(code: .normalClosure, reason: "")
        }
        for task in waiting + [peerWaiting] { #expect(try await task.value == client.closure) }
        #expect((client.closeError == nil) == (whoEnds != 1))
        #expect(peer.client.endWaiterCount == 0)
    }

    @Test("Waiting for the end can be cancelled") func waitingForTheEndCanBeCancelled() async throws {
        let (client, peer) = try await open()
        let cancelled = Task { try await client.ended() }
        let other = Task { try await client.ended() }
        while peer.client.endWaiterCount < 2 { await Task.yield() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(peer.client.endWaiterCount == 1, "one that gave up is forgotten")
        #expect(client.closure == nil)
        peer.deliver("a")
        #expect(try await client.nextMessages() == [.text("a")])
        peer.abort()
        #expect(try await other.value == client.closure)
    }

    @Test("The client's close is answered or not, as the peer is told")
    func theClientsCloseIsAnsweredOrNot() async throws {
        let (client, peer) = try await open()
        let closure = await client.close(code: .normalClosure, reason: "done")
        #expect(closure.sent == CloseFrame(code: .normalClosure, reason: "done"))
        #expect(closure.isClean)
        #expect(try await peer.ended() == closure)

        let (silentClient, silentPeer) = try await open()
        silentPeer.answerClose(false)
        let close = Task { await silentClient.close(code: .normalClosure, reason: "") }
        close.cancel()
        #expect(await close.value.received == nil)
        #expect(silentPeer.wasAborted)
    }

    @Test("Sends are recorded, held and rejected") func sendsAreRecordedHeldAndRejected() async throws {
        let (client, peer) = try await open()
        try await client.send(.text("a"))
        #expect(try await peer.nextSent() == .text("a"))

        peer.holdSends()
        let held = Task { try await client.send(.text("b")) }
        let cancelled = Task { try await client.send(.text("never")) }
        while peer.heldSendCount < 2 { await Task.yield() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        peer.releaseSends()
        try await held.value
        #expect(peer.sent == [.text("a"), .text("b")])

        peer.rejectSends(with: WebSocketError(.messageTooBig, stage: .open, message: "too big"))
        await #expect(throws: WebSocketError.self) { try await client.send(.text("c")) }
        peer.rejectSends(with: nil)
        try await client.send(.text("d"))
        #expect(peer.sent == [.text("a"), .text("b"), .text("d")])
    }

    @Test("Held sends fail when the connection ends") func heldSendsFailWhenTheConnectionEnds() async throws {
        let (client, peer) = try await open()
        peer.holdSends()
        let held = Task { try await client.send(.text("a")) }
        while peer.heldSendCount < 1 { await Task.yield() }
        client.abort()
        await #expect(throws: WebSocketError.self) { try await held.value }
        #expect(peer.sent.isEmpty)
        #expect(peer.wasAborted)
        #expect(try await peer.ended().initiator == .connectionLoss)
    }

    @Test("Pings are answered late or never") func pingsAreAnsweredLateOrNever() async throws {
        let (client, peer) = try await open()
        peer.answerPings(after: .milliseconds(5))
        #expect(try await client.ping() == .milliseconds(5))
        peer.answerPings(after: nil)
        async let late = client.ping()
        try await peer.nextPing()
        try await peer.nextPing()
        peer.answerPings(after: .milliseconds(80))
        #expect(try await late == .milliseconds(80))
        #expect(peer.pingCount == 2)
    }
}

import Testing
import WebSocketService

@testable import lwscat

@Suite("What a session does when something happens")
struct SessionTests {
    private func session(_ change: (inout Session.Options) -> Void = { _ in }) -> Session {
        var options = Session.Options()
        change(&options)
        return Session(options)
    }

    /// Feeds events and gives the actions of the last one, without those that only clean up.
    private func after(_ events: Session.Event..., in session: Session) -> [Session.Action] {
        var session = session
        var actions: [Session.Action] = []
        for event in events { actions = session.handle(event) }
        return actions.filter { $0 != .stopCountdown }
    }

    private func exitStatus(_ events: Session.Event..., in session: Session) -> EndStatus? {
        var session = session
        for event in events {
            for action in session.handle(event) {
                if case .exit(let status) = action { return status }
            }
        }
        return nil
    }

    private static let opened = Session.Event.opened("wss://a/", subprotocol: nil)
    private static let hello = WebSocketMessage.text("hello")

    @Test("A line is sent as text, or as bytes when asked for")
    func line() {
        #expect(after(.line("hello"), in: session()) == [.send(.text("hello"))])
        #expect(after(.line("hello"), in: session { $0.sendsBinary = true }) == [.send(.binary("hello".utf8))])
        #expect(after(.line(""), in: session()) == [.send(.text(""))], "an empty line of a pipe is a message")
        #expect(after(.line(""), in: session { $0.isInteractive = true }) == [], "at a terminal it is none")
    }

    @Test("The time for answers begins when the input has ended and there is a connection, once")
    func wait() {
        let session = session { $0.wait = .seconds(3) }
        #expect(after(Self.opened, .inputEnded, in: session) == [.startWait(.seconds(3))])
        #expect(after(.inputEnded, in: session) == [], "nobody has been asked anything yet")
        #expect(after(.inputEnded, Self.opened, in: session).contains(.startWait(.seconds(3))))
        #expect(!after(.inputEnded, Self.opened, Self.opened, in: session).contains(.startWait(.seconds(3))))
        #expect(after(Self.opened, .inputEnded, .waitIsOver, in: session) == [.close(sendingFirst: true)])
        #expect(after(Self.opened, .inputEnded, in: self.session { $0.wait = nil }) == [], "for ever")
        #expect(
            after(Self.opened, .inputEnded, in: self.session { $0.isInteractive = true })
                == [.close(sendingFirst: false)],
            "who leaves a terminal waits for nothing")
    }

    @Test("So many messages and no more are shown, then it ends in good order")
    func maximumMessages() {
        let session = session { $0.maximumMessages = 2 }
        #expect(after(Self.opened, .message(Self.hello, route: nil), in: session).count == 1)
        #expect(
            after(Self.opened, .message(Self.hello, route: nil), .message(Self.hello, route: "r"), in: session)
                == [.print(.message(Self.hello, route: "r")), .close(sendingFirst: false)])
        let third = after(
            .message(Self.hello, route: nil), .message(Self.hello, route: nil), .message(Self.hello, route: nil),
            in: session)
        #expect(third == [])
        #expect(
            exitStatus(
                .message(Self.hello, route: nil), .message(Self.hello, route: nil), .stopped(unsent: 0),
                in: session) == .orderly)
    }

    @Test("Giving up ends with the class of the last failure")
    func gaveUp() {
        #expect(exitStatus(.failed("no", .unreachable), .gaveUp, in: session()) == .unreachable)
        #expect(exitStatus(Self.opened, .closed(.normalClosure, reason: ""), .gaveUp, in: session()) == .orderly)
        #expect(exitStatus(Self.opened, .closed(.goingAway, reason: ""), .gaveUp, in: session()) == .orderly)
        #expect(
            exitStatus(Self.opened, .closed(.internalError, reason: ""), .gaveUp, in: session()) == .closedWithError)
        #expect(
            exitStatus(
                .failed("no", .nameNotFound), .failed("lost", .connectionLost), .gaveUp, in: session())
                == .connectionLost)
    }

    @Test("What to do about a failure comes with it")
    func hint() {
        #expect(
            after(.failed("no", .tls, hint: "--ca"), in: session()) == [.print(.failed("no", .tls, hint: "--ca"))])
    }

    @Test("A wait that is announced before its reason is told after it", arguments: [false, true])
    func order(isInteractive: Bool) {
        let session = session { $0.isInteractive = isInteractive }
        let failure = Session.Event.failed("lost", .connectionLost)
        let waiting = Session.Event.waiting(.seconds(2), attempt: 3)
        let told: [Session.Action] = [
            .print(.failed("lost", .connectionLost)), .print(.waiting(.seconds(2), attempt: 3)),
        ]
        let countdown: [Session.Action] = isInteractive ? [.startCountdown(.seconds(2))] : []
        #expect(after(Self.opened, waiting, in: session) == [])
        #expect(after(Self.opened, waiting, failure, in: session) == told + countdown)
        #expect(after(Self.opened, failure, waiting, in: session) == Array(told.dropFirst()) + countdown)
    }

    @Test("The wait is counted down in the prompt, and Enter cuts it short")
    func countdown() {
        let session = session { $0.isInteractive = true }
        let failure = Session.Event.failed("lost", .connectionLost)
        let waiting = Session.Event.waiting(.seconds(2), attempt: 3)
        func prompt(_ rest: Duration) -> [Session.Action] { after(failure, waiting, .countdown(rest), in: session) }
        #expect(prompt(.seconds(2)) == [.prompt("attempt 3 in 2 s, Enter for now")])
        #expect(prompt(.milliseconds(100)) == [.prompt("attempt 3 in 1 s, Enter for now")])
        #expect(prompt(.zero) == [.prompt("connecting, attempt 3")])
        #expect(after(failure, waiting, .line(""), in: session) == [.reconnectNow])
        #expect(after(failure, waiting, Self.opened, .countdown(.seconds(1)), in: session) == [])
    }

    @Test("A signal closes, a second one does not wait for that")
    func signals() {
        #expect(after(Self.opened, .signal(15), in: session()) == [.close(sendingFirst: false)])
        #expect(exitStatus(Self.opened, .signal(15), .stopped(unsent: 0), in: session()) == .signal(15))
        #expect(exitStatus(Self.opened, .signal(2), .signal(2), in: session()) == .signal(2))
        #expect(exitStatus(Self.opened, .outputClosed, in: session()) == .signal(13))
        #expect(exitStatus(Self.opened, .left, .stopped(unsent: 0), in: session()) == .orderly)
        #expect(exitStatus(Self.opened, .left, .gaveUp, .stopped(unsent: 0), in: session()) == .orderly)
    }

    @Test("What was never sent is told, and no orderly end")
    func unsent() {
        #expect(exitStatus(Self.opened, .waitIsOver, .stopped(unsent: 2), in: session()) == .connectionLost)
        #expect(
            exitStatus(.failed("no", .unreachable), .waitIsOver, .stopped(unsent: 2), in: session())
                == .unreachable)
        #expect(
            after(Self.opened, .waitIsOver, .stopped(unsent: 1), in: session()).first
                == .print(.notSent("1 message was never sent")))
    }

    @Test("With --listen a client that leaves ends nothing")
    func server() {
        let session = session {
            $0.isServer = true
            $0.wait = nil
        }
        #expect(
            after(
                .opened("127.0.0.1:1", subprotocol: nil), .clientLeft("127.0.0.1:1", .internalError, reason: "x"),
                in: session) == [.print(.clientLeft("127.0.0.1:1", .internalError, reason: "x"))])
        #expect(
            after(.message(Self.hello, route: nil, peer: "127.0.0.1:1"), in: session)
                == [.print(.message(Self.hello, route: nil, peer: "127.0.0.1:1"))])
        #expect(exitStatus(.signal(15), .stopped(unsent: 0), in: session) == .signal(15))
    }

    @Test("After the end nothing happens any more")
    func late() {
        #expect(after(.failed("no", .unreachable), .gaveUp, .message(Self.hello, route: nil), in: session()) == [])
        #expect(after(.failed("no", .unreachable), .gaveUp, .line("x"), in: session()) == [])
    }

    @Test("Messages and round trips are counted")
    func counts() {
        var session = session()
        for event: Session.Event in [
            Self.opened, .sent(Self.hello), .message(.binary([1, 2]), route: nil), .roundTrip(.milliseconds(3)),
            .roundTrip(.milliseconds(1)),
        ] {
            _ = session.handle(event)
        }
        #expect(session.counts.connections == 1)
        #expect((session.counts.messagesSent, session.counts.bytesSent) == (1, 5))
        #expect((session.counts.messagesReceived, session.counts.bytesReceived) == (1, 2))
        #expect(session.counts.roundTrips.shortest == .milliseconds(1))
        #expect(session.counts.roundTrips.mean == .milliseconds(2))
        #expect(session.counts.roundTrips.longest == .milliseconds(3))
    }
}

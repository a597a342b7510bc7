import Testing

@testable import WebSocketProtocol

/// The effect of each event in each state, for both roles.
@Suite struct ConnectionStateMachineTests {
    enum Event: String, CaseIterable, Sendable {
        case close, received, violated, endOfStream, pipeFailure, closeDeadline, abort
    }

    /// Each way to get into a state that differs in what may come next.
    enum Situation: String, CaseIterable, Sendable {
        case open
        /// This side sent its close frame and waits for the peer's.
        case closingLocally
        /// This side sent its close frame, and the peer's came.
        case closedByBothLocalFirst
        /// The peer's close frame came, and was answered.
        case closedByBothRemoteFirst
        /// The peer broke the protocol while the connection was open.
        case failed
        /// The peer broke the protocol after this side had sent its close frame.
        case failedWhileClosing
        case closed
    }

    struct Row: CustomTestStringConvertible, Sendable {
        let situation: Situation
        let event: Event
        let role: Role
        let action: ConnectionStateMachine.Action
        let cause: ConnectionStateMachine.Cause?

        var testDescription: String { "\(role), \(situation), \(event)" }
    }

    static let mine = CloseFrame(code: .goingAway, reason: "bye")
    static let theirs = CloseFrame(code: CloseCode(rawValue: 4001), reason: "enough")
    static let reply = CloseFrame(code: CloseCode(rawValue: 4001))
    static let violation = ProtocolViolation(.textNotUTF8)
    static let complaint = violation.closeFrame

    static func closure(
        _ initiator: WebSocketClosure.Initiator, _ sent: CloseFrame?, _ received: CloseFrame?
    ) -> WebSocketClosure {
        WebSocketClosure(initiator: initiator, sent: sent, received: received)
    }

    private static func machine(_ situation: Situation, _ role: Role) -> ConnectionStateMachine {
        var machine = ConnectionStateMachine(role: role)
        let events: [Event] =
            switch situation {
            case .open: []
            case .closingLocally: [.close]
            case .closedByBothLocalFirst: [.close, .received]
            case .closedByBothRemoteFirst: [.received]
            case .failed: [.violated]
            case .failedWhileClosing: [.close, .violated]
            case .closed: [.close, .received, .endOfStream]
            }
        for event in events { _ = apply(event, to: &machine) }
        return machine
    }

    private static func apply(
        _ event: Event, to machine: inout ConnectionStateMachine
    ) -> ConnectionStateMachine.Action {
        switch event {
        case .close: machine.close(mine)
        case .received: machine.received(theirs)
        case .violated: machine.violated(violation)
        case .endOfStream: machine.pipeEnded(.endOfStream)
        case .pipeFailure: machine.pipeEnded(.failure)
        case .closeDeadline: machine.closeDeadlinePassed()
        case .abort: machine.abort()
        }
    }

    typealias Outcome = (ConnectionStateMachine.Action, ConnectionStateMachine.Cause?)

    /// The table itself. A cause means that the connection is closed afterwards.
    private static func outcome(_ situation: Situation, _ event: Event, _ role: Role) -> Outcome {
        let neverOpen = closure(.local, nil, nil)
        let lost = closure(.connectionLoss, nil, nil)
        let half = closure(.local, mine, nil)
        let bothLocal = closure(.local, mine, theirs)
        let bothRemote = closure(.remote, reply, theirs)
        let failed = closure(.local, complaint, nil)
        let endOfHandshake: ConnectionStateMachine.Action = role == .server ? .endPipe : .waitForPeer
        func tell(_ frame: CloseFrame) -> ConnectionStateMachine.Action {
            role == .server ? .sendCloseThenEnd(frame) : .sendClose(frame)
        }
        switch (situation, event) {
        case (.open, .close): return (.sendClose(mine), nil)
        case (.open, .received): return (tell(reply), nil)
        case (.open, .violated): return (tell(complaint), nil)
        case (.open, .endOfStream): return (.finish(lost), .pipeEnded(.endOfStream))
        case (.open, .pipeFailure): return (.finish(lost), .pipeEnded(.failure))
        case (.open, .closeDeadline): return (.ignore, nil)
        case (.open, .abort): return (.abort(neverOpen), .abort)

        case (.closingLocally, .close): return (.ignore, nil)
        case (.closingLocally, .received): return (endOfHandshake, nil)
        case (.closingLocally, .violated): return (endOfHandshake, nil)
        case (.closingLocally, .endOfStream): return (.finish(half), .pipeEnded(.endOfStream))
        case (.closingLocally, .pipeFailure): return (.finish(half), .pipeEnded(.failure))
        case (.closingLocally, .closeDeadline): return (.abort(half), .closeDeadline)
        case (.closingLocally, .abort): return (.abort(half), .abort)

        case (.closedByBothLocalFirst, .endOfStream), (.closedByBothLocalFirst, .pipeFailure):
            return (.finish(bothLocal), .closeHandshake)
        case (.closedByBothLocalFirst, .closeDeadline), (.closedByBothLocalFirst, .abort):
            return (.abort(bothLocal), .closeHandshake)
        case (.closedByBothRemoteFirst, .endOfStream), (.closedByBothRemoteFirst, .pipeFailure):
            return (.finish(bothRemote), .closeHandshake)
        case (.closedByBothRemoteFirst, .closeDeadline), (.closedByBothRemoteFirst, .abort):
            return (.abort(bothRemote), .closeHandshake)

        case (.failed, .endOfStream), (.failed, .pipeFailure):
            return (.finish(failed), .violation(violation))
        case (.failed, .closeDeadline), (.failed, .abort):
            return (.abort(failed), .violation(violation))
        case (.failedWhileClosing, .endOfStream), (.failedWhileClosing, .pipeFailure):
            return (.finish(half), .violation(violation))
        case (.failedWhileClosing, .closeDeadline), (.failedWhileClosing, .abort):
            return (.abort(half), .violation(violation))

        case (.closedByBothLocalFirst, _), (.closedByBothRemoteFirst, _), (.failed, _), (.failedWhileClosing, _),
            (.closed, _):
            return (.ignore, nil)
        }
    }

    static let rows = Role.allCases.flatMap { role in
        Situation.allCases.flatMap { situation in
            Event.allCases.map { event in
                let (action, cause) = outcome(situation, event, role)
                return Row(situation: situation, event: event, role: role, action: action, cause: cause)
            }
        }
    }

    @Test("Every event in every state leads to the one action and state of the table", arguments: rows)
    func everyEventInEveryState(row: Row) {
        var machine = Self.machine(row.situation, row.role)
        let before = machine.state
        #expect(Self.apply(row.event, to: &machine) == row.action)
        switch row.action {
        case .ignore:
            #expect(machine.state == before)
        case .finish(let closure), .abort(let closure):
            #expect(machine.state == row.cause.map { .closed(closure, $0) })
        default:
            #expect(row.cause == nil)
            if case .closed = machine.state { Issue.record("\(row.action) closed the connection") }
        }
    }

    @Test("Sending is allowed where it means something", arguments: Situation.allCases, Role.allCases)
    func sendingIsAllowedWhereMeaningful(situation: Situation, role: Role) {
        let machine = Self.machine(situation, role)
        #expect(machine.allowsSending == (situation == .open))
    }

    @Test("Whatever happens first closes the connection for good", arguments: Situation.allCases, Role.allCases)
    func firstEventClosesForGood(situation: Situation, role: Role) {
        for first in Event.allCases {
            var machine = Self.machine(situation, role)
            _ = Self.apply(first, to: &machine)
            guard case .closed = machine.state else { continue }
            let closed = machine.state
            for second in Event.allCases {
                #expect(Self.apply(second, to: &machine) == .ignore)
                #expect(machine.state == closed)
            }
        }
    }

    /// A pipe always ends some time, and the deadline always passes: nobody waits forever.
    @Test(
        "Every closing state ends with the pipe, with the deadline and with an abort",
        arguments: Situation.allCases, Role.allCases)
    func closingStatesEnd(
        situation: Situation, role: Role
    ) {
        guard case .closing = Self.machine(situation, role).state else { return }
        for event in [Event.endOfStream, .pipeFailure, .closeDeadline, .abort] {
            var machine = Self.machine(situation, role)
            _ = Self.apply(event, to: &machine)
            guard case .closed = machine.state else {
                Issue.record("\(event) left \(machine.state)")
                continue
            }
        }
    }

    /// A program that is told may end the process: the answer to the peer's close frame must not stay in it.
    @Test(
        "The end may be told once this side's close frame is written, or will never be", arguments: Situation.allCases,
        Role.allCases)
    func endMayBeTold(
        situation: Situation, role: Role
    ) {
        var machine = Self.machine(situation, role)
        let isCertain = ![.open, .closingLocally].contains(situation)
        #expect((machine.end != nil) == isCertain)
        #expect(machine.mayReportEnd == (situation == .closed))
        machine.closeFrameWritten()
        #expect(machine.mayReportEnd == isCertain)
        if situation == .closingLocally {
            // Then the peer's is all that is missing.
            _ = Self.apply(.received, to: &machine)
            #expect(machine.mayReportEnd)
        }
        for event in [Event.endOfStream, .pipeFailure, .closeDeadline, .abort] {
            var unwritten = Self.machine(situation, role)
            _ = Self.apply(event, to: &unwritten)
            if case .closed = unwritten.state { #expect(unwritten.mayReportEnd, "\(event)") }
        }
    }

    @Test(
        "The reply to a close frame echoes its code",
        arguments: [
            (CloseFrame(code: nil), CloseFrame(code: nil)),
            (CloseFrame(code: .normalClosure, reason: "done"), CloseFrame(code: .normalClosure)),
            (CloseFrame(code: .serviceRestart), CloseFrame(code: .serviceRestart)),
            (CloseFrame(code: CloseCode(rawValue: 4999)), CloseFrame(code: CloseCode(rawValue: 4999))),
        ])
    func replyEchoesCode(received: CloseFrame, reply: CloseFrame) {
        var machine = ConnectionStateMachine(role: .client)
        #expect(machine.received(received) == .sendClose(reply))
        #expect(
            machine.pipeEnded(.endOfStream)
                == .finish(WebSocketClosure(initiator: .remote, sent: reply, received: received)))
    }

    @Test("A failure of this side is told with 1011") func ownFailureIs1011() {
        var machine = ConnectionStateMachine(role: .client)
        let failure = ProtocolViolation(.inflaterFailed("insufficient memory (-4)"))
        let sent = CloseFrame(
            code: .internalError, reason: "zlib cannot inflate a compressed message: insufficient memory (-4)")
        #expect(machine.violated(failure) == .sendClose(sent))
        #expect(machine.end?.cause == .violation(failure))
    }

    @Test("What is reported as sent is what went over the wire") func reportedAsSentWentOut() {
        var machine = ConnectionStateMachine(role: .client)
        let sent = CloseFrame(code: .goingAway, reason: String(repeating: "x", count: 123))
        #expect(
            machine.close(CloseFrame(code: .goingAway, reason: String(repeating: "x", count: 200))) == .sendClose(sent))

        var other = ConnectionStateMachine(role: .client)
        #expect(other.close(CloseFrame(code: .abnormalClosure, reason: "x")) == .sendClose(CloseFrame(code: nil)))
    }
}

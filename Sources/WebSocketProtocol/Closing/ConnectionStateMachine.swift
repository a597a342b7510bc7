/// The life of a connection from the end of the opening handshake to the end of TCP: what each event means in each state
/// (RFC 6455 sections 5.5.1 and 7).
///
/// The server ends TCP, once both close frames were exchanged or the connection has failed; the client waits for that until
/// the close deadline (section 7.1.1). The first event that closes the connection decides how it is reported; whatever
/// comes later is ignored.
///
/// Frames are read elsewhere.
package struct ConnectionStateMachine: Sendable {
    package enum State: Hashable, Sendable {
        case open
        /// A close frame was sent or received, and TCP has not ended.
        case closing(Closing)
        case closed(WebSocketClosure, Cause)
    }

    package struct Closing: Hashable, Sendable {
        package let initiator: WebSocketClosure.Initiator
        package let sent: CloseFrame?
        package var received: CloseFrame?
        /// The system has this side's close frame, and with it all that was sent before.
        package var isWritten = false
        /// The cause of the connection's failure (RFC 6455 section 7.1.7); `nil` in an orderly close. Nothing that arrives
        /// from the peer counts any more.
        package var failure: Cause?

        var closure: WebSocketClosure {
            WebSocketClosure(initiator: initiator, sent: sent, received: received)
        }

        /// The peer owes nothing more than the end of TCP.
        var awaitsOnlyEndOfPipe: Bool {
            received != nil || failure != nil
        }

        /// Returns the cause of the close, when `event` ends the wait for the peer.
        func cause(or event: Cause) -> Cause {
            failure ?? (received != nil ? .closeHandshake : event)
        }
    }

    /// The cause of the connection's close.
    package enum Cause: Hashable, Sendable {
        /// Both sides sent a close frame.
        case closeHandshake
        /// The peer broke the protocol, or sent what this side cannot take.
        case violation(ProtocolViolation)
        /// TCP ended before both close frames were exchanged.
        case pipeEnded(EndOfPipe)
        /// The peer's close frame did not come in time.
        case closeDeadline
        /// This side gave the connection up without a close handshake.
        case abort
    }

    package enum EndOfPipe: Hashable, Sendable {
        /// The peer ended its side in order.
        case endOfStream
        /// Reading or writing failed; who owns the pipe knows how.
        case failure
    }

    /// The owner's next step.
    package enum Action: Hashable, Sendable {
        case ignore
        /// Send this after everything queued and start the close deadline. The peer does the rest.
        case sendClose(CloseFrame)
        /// Send this after everything queued, then end the pipe; start the close deadline.
        case sendCloseThenEnd(CloseFrame)
        /// End the pipe after everything queued was sent.
        case endPipe
        /// The peer has to end the pipe; the close deadline goes on running.
        case waitForPeer
        /// The pipe has ended: report this.
        case finish(WebSocketClosure)
        /// End the pipe now, whatever is queued, and report this.
        case abort(WebSocketClosure)
    }

    package let role: Role
    package private(set) var state = State.open

    package init(role: Role) {
        self.role = role
    }

    /// A message, ping or pong may be sent.
    package var allowsSending: Bool {
        if case .open = state { true } else { false }
    }

    /// This side wants to close the connection.
    package mutating func close(_ frame: CloseFrame) -> Action {
        switch state {
        case .open:
            let sent = frame.asSent
            state = .closing(Closing(initiator: .local, sent: sent))
            return .sendClose(sent)
        case .closing, .closed:
            return .ignore
        }
    }

    /// The peer's close frame was read.
    package mutating func received(_ frame: CloseFrame) -> Action {
        switch state {
        case .open:
            // The reply echoes the code (section 5.5.1); the reason was the peer's, not ours.
            let reply = CloseFrame(code: frame.code)
            state = .closing(Closing(initiator: .remote, sent: reply, received: frame))
            return role == .server ? .sendCloseThenEnd(reply) : .sendClose(reply)
        case .closing(var closing) where !closing.awaitsOnlyEndOfPipe:
            closing.received = frame
            state = .closing(closing)
            return endOfHandshake
        case .closing, .closed:
            return .ignore
        }
    }

    /// The peer broke the protocol, or sent what this side cannot take.
    package mutating func violated(_ violation: ProtocolViolation) -> Action {
        fail(with: violation.closeFrame, cause: .violation(violation))
    }

    /// TCP has ended.
    package mutating func pipeEnded(_ end: EndOfPipe) -> Action {
        switch state {
        case .open:
            let closure = WebSocketClosure(initiator: .connectionLoss, sent: nil, received: nil)
            state = .closed(closure, .pipeEnded(end))
            return .finish(closure)
        case .closing(let closing):
            state = .closed(closing.closure, closing.cause(or: .pipeEnded(end)))
            return .finish(closing.closure)
        case .closed:
            return .ignore
        }
    }

    /// The system has taken everything up to this side's close frame.
    package mutating func closeFrameWritten() {
        guard case .closing(var closing) = state else { return }
        closing.isWritten = true
        state = .closing(closing)
    }

    /// The time for closing is over.
    package mutating func closeDeadlinePassed() -> Action {
        guard case .closing(let closing) = state else { return .ignore }
        state = .closed(closing.closure, closing.cause(or: .closeDeadline))
        return .abort(closing.closure)
    }

    /// The connection is to be aborted: the peer is dead, or nobody needs it any more.
    package mutating func abort() -> Action {
        switch state {
        case .open:
            let closure = WebSocketClosure(initiator: .local, sent: nil, received: nil)
            state = .closed(closure, .abort)
            return .abort(closure)
        case .closing(let closing):
            state = .closed(closing.closure, closing.cause(or: .abort))
            return .abort(closing.closure)
        case .closed:
            return .ignore
        }
    }

    private mutating func fail(with frame: CloseFrame, cause: Cause) -> Action {
        switch state {
        case .open:
            let sent = frame.asSent
            state = .closing(Closing(initiator: .local, sent: sent, failure: cause))
            return role == .server ? .sendCloseThenEnd(sent) : .sendClose(sent)
        case .closing(var closing) where !closing.awaitsOnlyEndOfPipe:
            closing.failure = cause
            state = .closing(closing)
            return endOfHandshake
        case .closing, .closed:
            return .ignore
        }
    }

    /// The action once this side has sent its close frame and nothing but the end of TCP is missing.
    private var endOfHandshake: Action {
        role == .server ? .endPipe : .waitForPeer
    }
}

extension ConnectionStateMachine {
    /// The end of the connection, as soon as it is certain: both close frames were exchanged, or it has failed. TCP's own
    /// end may take longer.
    package var end: (closure: WebSocketClosure, cause: Cause)? {
        switch state {
        case .open: nil
        case .closing(let closing):
            closing.awaitsOnlyEndOfPipe ? (closing.closure, closing.cause(or: .closeHandshake)) : nil
        case .closed(let closure, let cause): (closure, cause)
        }
    }

    /// The end may be told to those who wait for it, and who perhaps end the process upon it: the peer's close frame is
    /// answered, or will never be.
    package var mayReportEnd: Bool {
        switch state {
        case .open: false
        case .closing(let closing): closing.awaitsOnlyEndOfPipe && closing.isWritten
        case .closed: true
        }
    }
}

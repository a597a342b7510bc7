internal import DequeModule
internal import Synchronization
internal import WebSocketService

// The peer's side.
extension ScriptedClient {
    func deliver(_ messages: [WebSocketMessage]) -> Bool {
        state.change { state, afterwards in
            guard state.ending == nil else { return false }
            guard !messages.isEmpty else { return true }
            state.countReceived(messages.reduce(0) { $0 + $1.payload.count })
            // A reader whose task was cancelled has not taken the batch.
            if let reader = state.reader.take(), reader.succeed(messages, &afterwards) { return true }
            state.inbound.append(messages)
            return true
        }
    }

    func receiveBytes(_ count: Int) {
        state.withLock { $0.countReceived(count) }
    }

    func peerCloses(_ frame: CloseFrame) {
        state.change { state, afterwards in
            guard state.ending == nil else { return }
            // An endpoint answers a close frame with the same code (RFC 6455 section 5.5.1).
            end(
                &state, .closed,
                closure: WebSocketClosure(initiator: .remote, sent: CloseFrame(code: frame.code), received: frame),
                &afterwards)
        }
    }

    func peerAborts(_ error: any Error) {
        state.change { state, afterwards in
            guard state.ending == nil else { return }
            state.closeError = error
            end(
                &state, .lost(error),
                closure: WebSocketClosure(initiator: .connectionLoss, sent: nil, received: nil), &afterwards)
        }
    }

    func setPingAnswer(_ roundTrip: Duration?) {
        state.change { state, afterwards in
            state.pingAnswer = roundTrip
            guard let roundTrip else { return }
            for ping in state.pings { ping.succeed(roundTrip, &afterwards) }
            state.pings = []
        }
    }

    func setAnswersClose(_ answers: Bool) {
        state.withLock { $0.answersClose = answers }
    }

    func holdSends() {
        state.withLock { $0.holdsSends = true }
    }

    func releaseSends() {
        state.change { state, afterwards in
            state.holdsSends = false
            while let held = state.held.popFirst() {
                // A sender whose task was cancelled has been told that its message is not taken.
                if held.completion.succeed(&afterwards) { sentFeed.append(held.message, &afterwards) }
            }
        }
    }

    func rejectSends(with error: (any Error)?) {
        state.withLock { $0.rejection = error }
    }
}

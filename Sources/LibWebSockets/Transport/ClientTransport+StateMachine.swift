extension ClientTransport {
    /// How far a client's transport has come. Events that do not fit, such as late ones of a connection that was given
    /// up, change nothing.
    struct StateMachine {
        private enum State {
            case connecting
            case securing
            case awaitingResponse
            /// The head was handed over; what follows depends on the owner's answer.
            case receivedHead
            case open
            case refused
            case ended
        }

        private var state = State.connecting

        /// The stage to blame for a failure now.
        private(set) var stage = WebSocketError.Stage.connect

        var isOpen: Bool { state == .open }
        var isRefused: Bool { state == .refused }
        var hasEnded: Bool { state == .ended }

        /// The TCP connection stands. Returns false when that comes too late to matter.
        mutating func connected(usesProxy: Bool, usesTLS: Bool) -> Bool {
            guard state == .connecting else { return false }
            state = usesTLS ? .securing : .awaitingResponse
            stage = usesProxy ? .proxy : usesTLS ? .tls : .upgrade
            return true
        }

        /// The request is on its way.
        mutating func requested() {
            guard state == .connecting || state == .securing || state == .awaitingResponse else { return }
            state = .awaitingResponse
            stage = .upgrade
        }

        /// The response's head has arrived. Returns false when there is nobody to tell.
        mutating func receivedHead() -> Bool {
            guard state == .awaitingResponse else { return false }
            state = .receivedHead
            return true
        }

        mutating func opened() {
            guard state == .receivedHead else { return }
            state = .open
            stage = .open
        }

        mutating func refused() {
            guard state == .receivedHead else { return }
            state = .refused
        }

        /// Returns whether this is the first time: only the first terminal event counts.
        @discardableResult
        mutating func ended() -> Bool {
            guard state != .ended else { return false }
            state = .ended
            return true
        }
    }
}

extension ClientHandshake {
    /// The progress of a client's handshake. Events that do not fit, such as late ones of a connection that was given up,
    /// change nothing.
    struct StateMachine {
        enum State: CaseIterable {
            case connecting
            case tunnelling
            case securing
            case awaitingResponse
            /// It has failed, was given up, or what comes is frames.
            case ended
        }

        /// The next step.
        enum Action {
            case ignore
            /// Ask the proxy for a tunnel.
            case tunnel
            /// Begin TLS.
            case secure
            /// Send the opening handshake.
            case request
        }

        private let usesProxy: Bool
        private let usesTLS: Bool
        private(set) var state = State.connecting
        /// The stage to blame for a failure now.
        private(set) var stage = WebSocketError.Stage.connect

        init(usesProxy: Bool, usesTLS: Bool) {
            self.usesProxy = usesProxy
            self.usesTLS = usesTLS
        }

        var hasEnded: Bool { state == .ended }

        /// The TCP connection stands.
        mutating func connected() -> Action {
            guard state == .connecting else { return .ignore }
            guard usesProxy else { return reached() }
            state = .tunnelling
            stage = .proxy
            return .tunnel
        }

        /// The proxy has made the tunnel.
        mutating func tunnelled() -> Action {
            guard state == .tunnelling else { return .ignore }
            return reached()
        }

        /// Notes that bytes sent from now on reach the server.
        private mutating func reached() -> Action {
            guard usesTLS else { return requesting() }
            state = .securing
            stage = .tls
            return .secure
        }

        /// TLS stands, and the server is who it has to be.
        mutating func secured() -> Action {
            guard state == .securing else { return .ignore }
            return requesting()
        }

        private mutating func requesting() -> Action {
            state = .awaitingResponse
            stage = .upgrade
            return .request
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

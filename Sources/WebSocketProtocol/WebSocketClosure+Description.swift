extension WebSocketClosure {
    /// The peer ended the connection with a code that stands for an error: any but 1000, 1001 and none (1005). One that it
    /// only echoed is this side's.
    package var isPeerError: Bool {
        guard let code = received?.code, code != .normalClosure, code != .goingAway else { return false }
        return initiator != .local || sent?.code != code
    }

    /// The action that the peer's code asks of the reader; `nil` where there is nothing to say.
    package var advice: String? {
        switch received?.code {
        case .protocolError?, .invalidFramePayloadData?:
            "it holds that this side broke the protocol, which a proxy in between may have done"
        case .unsupportedData?: "it does not take this kind of message, text or binary"
        case .policyViolation?: "what was sent or asked for is against its rules"
        case .messageTooBig?: "a message was too big for it: send less at a time"
        case .mandatoryExtension?: "it misses an extension that was not offered or not agreed on"
        case .internalError?: "it met with an error of its own; another try may succeed"
        case .serviceRestart?: "it restarts: connect again"
        case .tryAgainLater?: "it has too much to do: connect again later"
        case .badGateway?: "what stands behind it did not answer; another try may succeed"
        default: nil
        }
    }
}

extension CloseFrame: CustomStringConvertible {
    /// The code and, where there is one, the reason: `1001 going away: "the server stops"`.
    public var description: String {
        let code = code.map { "\($0)" } ?? "no code"
        // The peer's words, which may be meant for a terminal.
        return reason.isEmpty ? code : "\(code): \"\(reason.visible(limit: 200))\""
    }
}

extension WebSocketClosure: CustomStringConvertible {
    /// A sentence: `the peer closed the connection with 1001 going away: "the server stops"`.
    public var description: String {
        switch (initiator, sent, received) {
        case (.local, let sent?, let received?):
            received.code == sent.code
                ? "this side closed the connection with \(sent)"
                : "this side closed the connection with \(sent), and the peer answered with \(received)"
        case (.local, let sent?, nil):
            "this side closed the connection with \(sent), and the peer did not answer"
        case (.local, nil, _): "this side aborted the connection without a close frame"
        case (_, _, let received?): "the peer closed the connection with \(received)"
        case (_, _, nil): "the connection was lost without a close frame"
        }
    }
}

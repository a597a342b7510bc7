import Testing

@testable import WebSocketProtocol

@Suite struct WebSocketClosureTests {
    /// RFC 6455 sections 7.1.4 to 7.1.6.
    @Test(
        "Code, reason and cleanness follow from the two close frames",
        arguments: [
            (nil, nil, .abnormalClosure, "", false),
            (CloseFrame(code: .normalClosure), nil, .abnormalClosure, "", false),
            (CloseFrame(code: nil), CloseFrame(code: nil), .noStatusReceived, "", true),
            (
                CloseFrame(code: .goingAway), CloseFrame(code: CloseCode(rawValue: 4000), reason: "why"),
                CloseCode(rawValue: 4000), "why", false
            ),
            (
                CloseFrame(code: CloseCode(rawValue: 4000)), CloseFrame(code: CloseCode(rawValue: 4000)),
                CloseCode(rawValue: 4000), "", true
            ),
            (nil, CloseFrame(code: .serviceRestart), .serviceRestart, "", false),
        ] as [(CloseFrame?, CloseFrame?, CloseCode, String, Bool)])
    func closureFollowsFromFrames(
        sent: CloseFrame?, received: CloseFrame?, code: CloseCode, reason: String, isClean: Bool
    ) {
        let closure = WebSocketClosure(initiator: .local, sent: sent, received: received)
        #expect(closure.code == code)
        #expect(closure.reason == reason)
        #expect(closure.isClean == isClean)
    }

    @Test(
        "A closure reads as a sentence",
        arguments: [
            (.local, .normalClosure, .normalClosure, "this side closed the connection with 1000 normal closure"),
            (
                .local, .normalClosure, .internalError,
                "this side closed the connection with 1000 normal closure, and the peer answered with 1011 internal error"
            ),
            (
                .local, .goingAway, nil,
                "this side closed the connection with 1001 going away, and the peer did not answer"
            ),
            (.local, nil, nil, "this side aborted the connection without a close frame"),
            (.remote, .goingAway, .goingAway, "the peer closed the connection with 1001 going away"),
            (.connectionLoss, nil, nil, "the connection was lost without a close frame"),
        ] as [(WebSocketClosure.Initiator, CloseCode?, CloseCode?, String)])
    func closureReadsAsSentence(
        initiator: WebSocketClosure.Initiator, sent: CloseCode?, received: CloseCode?, sentence: String
    ) {
        let closure = WebSocketClosure(
            initiator: initiator, sent: sent.map { CloseFrame(code: $0) },
            received: received.map { CloseFrame(code: $0) })
        #expect("\(closure)" == sentence)
    }

    @Test("A close frame shows its code and what the peer wrote, but moves no cursor") func closeFrameShowsCode() {
        #expect("\(CloseFrame(code: .goingAway, reason: "bye"))" == "1001 going away: \"bye\"")
        #expect("\(CloseFrame(code: nil))" == "no code")
        #expect("\(CloseFrame(code: .goingAway, reason: "\u{1B}[2J"))" == "1001 going away: \"\\u{1B}[2J\"")
    }
}

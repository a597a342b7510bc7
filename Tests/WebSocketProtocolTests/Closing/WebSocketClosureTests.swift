import Testing

@testable import WebSocketProtocol

@Suite struct WebSocketClosureTests {
    /// RFC 6455 sections 7.1.4 to 7.1.6.
    @Test(
        arguments: [
            (nil, nil, .abnormalClosure, "", false),
            (CloseFrame(code: .normalClosure), nil, .abnormalClosure, "", false),
            (CloseFrame(code: nil), CloseFrame(code: nil), .noStatusReceived, "", true),
            (
                CloseFrame(code: .goingAway), CloseFrame(code: CloseCode(rawValue: 4000), reason: "why"),
                CloseCode(rawValue: 4000), "why", true
            ),
            (nil, CloseFrame(code: .serviceRestart), .serviceRestart, "", false),
        ] as [(CloseFrame?, CloseFrame?, CloseCode, String, Bool)])
    func `code, reason and cleanness follow from the two close frames`(
        sent: CloseFrame?, received: CloseFrame?, code: CloseCode, reason: String, isClean: Bool
    ) {
        let closure = WebSocketClosure(initiator: .local, sent: sent, received: received)
        #expect(closure.code == code)
        #expect(closure.reason == reason)
        #expect(closure.isClean == isClean)
    }
}

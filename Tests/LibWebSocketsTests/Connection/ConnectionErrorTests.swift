import Testing
import WebSocketProtocol

@testable import LibWebSockets

/// The errors that report a connection's end.
@Suite("The error of a connection's end") struct ConnectionErrorTests {
    typealias Cause = ConnectionStateMachine.Cause

    private static let lost = WebSocketClosure(initiator: .connectionLoss, sent: nil, received: nil)
    private static let both = WebSocketClosure(
        initiator: .local, sent: CloseFrame(code: .normalClosure), received: CloseFrame(code: .normalClosure))

    private func error(_ cause: Cause, _ closure: WebSocketClosure) -> WebSocketError? {
        Connection.error(for: (closure, cause), pipeError: nil, peer: "wss://feed.example")
    }

    @Test(
        "An end that this side wanted or that both agreed on is no error",
        arguments: [
            (Cause.closeHandshake, both), (.abort, lost), (.closeDeadline, lost), (.pipeEnded(.endOfStream), both),
        ])
    func orderly(cause: Cause, closure: WebSocketClosure) {
        #expect(error(cause, closure) == nil)
    }

    @Test(
        "What ended the connection has a code of its own, and a text that says whose fault it is",
        arguments: [
            (
                .textNotUTF8, .protocolViolation,
                "The peer broke the WebSocket protocol: text message is not valid UTF-8 (RFC 6455 section 8.1). "
                    + "The connection to wss://feed.example was closed with 1007 invalid frame payload data."
            ),
            (
                .messageTooBig(size: 11, limit: 10), .messageTooBig,
                "The peer sent too much: message of at least 11 bytes exceeds the limit of 10 (maximumMessageSize). "
                    + "The connection to wss://feed.example was closed with 1009 message too big."
            ),
            (
                .inflaterFailed("insufficient memory (-4)"), .internalError,
                "This side failed: zlib cannot inflate a compressed message: insufficient memory (-4) "
                    + "(RFC 7692 section 7.2.2). "
                    + "The connection to wss://feed.example was closed with 1011 internal error."
            ),
        ] as [(ProtocolViolation.Rule, WebSocketError.Code, String)])
    func violations(rule: ProtocolViolation.Rule, code: WebSocketError.Code, text: String) {
        let violation = ProtocolViolation(rule)
        let closure = WebSocketClosure(initiator: .local, sent: violation.closeFrame, received: nil)
        let error = error(.violation(violation), closure)
        #expect(error?.code == code)
        #expect(error?.stage == .open)
        #expect(error?.closure == closure)
        #expect(error?.message == text)
    }

    @Test("A connection that was lost before a close frame was sent is an error")
    func loss() {
        let error = error(.pipeEnded(.failure), Self.lost)
        #expect(error?.code == .connectionLost)
        #expect(error?.message == "the connection to wss://feed.example was lost")
    }
}

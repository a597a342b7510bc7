import Testing

@testable import WebSocketService

@Suite struct SocketEventDescriptionTests {
    static let lost = ConnectionFailure.heartbeatTimeout(unanswered: 1)
    static let closure = WebSocketClosure(
        initiator: .remote, sent: nil, received: CloseFrame(code: .goingAway, reason: "the server stops"))

    @Test(
        "Events and ends print as a sentence, without secrets and without what moves a terminal's cursor",
        arguments: [
            (
                .connecting(attempt: 2, url: "wss://u:p@a.example/feed?token=s"),
                "connecting to wss://a.example/feed (attempt 2)"
            ),
            (
                .open(HandshakeResponse(headers: [:], subprotocol: "v2.feed")),
                "the connection is open, subprotocol v2.feed"
            ),
            (.open(HandshakeResponse(headers: [:])), "the connection is open"),
            (.failed(lost), "the peer left 1 heartbeat unanswered"),
            (.closed(.failed(lost)), "the connection has ended: the peer left 1 heartbeat unanswered"),
            (
                .closed(.closed(closure)),
                #"the connection has ended: the peer closed the connection with 1001 going away: "the server stops""#
            ),
            (.waiting(.milliseconds(2_140), attempt: 3), "attempt 3 begins in 2.1 s"),
            (.gaveUp(attempts: 1, lastError: lost), "gave up after 1 attempt: the peer left 1 heartbeat unanswered"),
            (.roundTrip(.milliseconds(12)), "a heartbeat was answered after 12 ms"),
            (.dropped(MessageSummary(.text("a")), .queueFull), #"dropped "a": the queue was full"#),
            (
                .unhandled(MessageSummary(.text("a\u{1B}[2J")), route: "\u{202E}x"),
                #"no handler for the route "\u{202E}x": "a\u{1B}[2J""#
            ),
            (.unhandled(MessageSummary(.binary([1, 2])), route: nil), "no route found in 2 bytes"),
            (.paused, "paused"),
            (.stopped(unseen: 0), "stopped"),
            (.stopped(unseen: 2), "stopped, with 2 messages that no handler has seen"),
        ] as [(SocketEvent, String)])
    func sentences(event: SocketEvent, words: String) {
        #expect("\(event)" == words)
    }
}

import LibC
import Testing

@testable import LibWebSockets

@Suite struct PipeEndTests {
    private static let check = WebSocketError(.tlsFailed, stage: .tls, message: "the check's own words", errno: EPIPE)

    @Test(
        "Each cause says what happened, and keeps the system's error number where there is one",
        arguments: [
            (PipeEnd.Cause.endOfStream, "the peer ended it without a close frame", nil),
            (.systemError(ECONNRESET), "Connection reset by peer", ECONNRESET),
            (.systemError(ETIMEDOUT), "Connection timed out", ETIMEDOUT),
            (.library("HS: words of libwebsockets"), "HS: words of libwebsockets", nil),
            (.loopShutDown, "its socket loop was shut down", nil),
            (.error(check), "the check's own words", EPIPE),
        ])
    func texts(cause: PipeEnd.Cause, description: String, errno: Int32?) {
        #expect("\(cause)" == description)
        #expect(cause.errno == errno)
    }
}

import ArgumentParser
import WebSocketService

/// What is sent, what is shown, and when it is over.
struct SessionOptions: ParsableArguments {
    @Option(
        name: [.customShort("x"), .customLong("execute")],
        help: ArgumentHelp(
            "Send this message instead of reading standard input. May be repeated.", valueName: "text"))
    var executes: [String] = []

    @Option(
        name: [.customShort("w"), .customLong("wait")],
        help: ArgumentHelp(
            "How long to stay for answers after the last message of the input, or \"forever\".",
            discussion: "Without it 2 seconds; with --listen forever.", valueName: "seconds"))
    var wait: Wait?

    @Option(help: ArgumentHelp("End after so many messages were received.", valueName: "count"))
    var maxMessages: Int?

    @Flag(help: "Send the lines as binary messages.")
    var binary = false

    @Option(
        help: ArgumentHelp(
            "Send a ping every so many seconds and show the round trips; three unanswered ones end the connection.",
            valueName: "seconds"))
    var ping: Seconds?

    @Option(
        help: ArgumentHelp(
            "Connect again after a failure, by this policy; the first delay may follow behind a colon.",
            discussion: """
                For example exponential, linear:2 or fixed:0.5. What another try cannot mend ends it all the same; refusals \
                and close codes do not end "persistent".
                """,
            valueName: "policy"))
    var reconnect: ReconnectChoice?

    @Option(
        help: ArgumentHelp(
            "Give up when so many attempts in a row after the first have failed; needs --reconnect.",
            valueName: "count"))
    var maxRetries: Int?

    @Option(help: ArgumentHelp("The code to close the connection with.", valueName: "code"))
    var closeCode: UInt16 = 1000

    @Option(help: ArgumentHelp("The reason to close the connection with.", valueName: "text"))
    var closeReason = ""

    func validate() throws {
        if let maxMessages, maxMessages < 1 { throw ValidationError("--max-messages must be at least 1.") }
        if let maxRetries {
            guard reconnect != nil else { throw ValidationError("--max-retries needs --reconnect.") }
            if maxRetries < 1 { throw ValidationError("--max-retries must be at least 1.") }
        }
        guard CloseCode(rawValue: closeCode).isAllowedOnTheWire else {
            throw ValidationError(
                "--close-code must be one that may be sent: 1000-1003, 1007-1014 or 3000-4999 (RFC 6455 section 7.4).")
        }
        if closeReason.utf8.count > 123 {
            throw ValidationError("--close-reason may have 123 bytes (RFC 6455 section 5.5).")
        }
        if let ping, ping.duration < .milliseconds(1) { throw ValidationError("--ping must be at least 0.001.") }
    }

    var heartbeat: HeartbeatPolicy {
        guard let ping else { return .off }
        return .ping(every: ping.duration, timeout: ping.duration, missesAllowed: 2, beatsOnOpen: true)
    }

    var reconnectPolicy: ReconnectPolicy {
        reconnect?.policy(maximumRetries: maxRetries) ?? .never
    }
}

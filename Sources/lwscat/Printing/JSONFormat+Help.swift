extension JSONFormat {
    /// Every event with the keys that it may have beside `event` and `time`, as the help and the manual page show it.
    static let documented: [(event: String, keys: [String], meaning: String)] = [
        ("listening", ["url"], "a server is there"),
        ("open", ["url", "peer", "subprotocol"], "there is a connection"),
        ("message", ["kind", "text", "base64", "route", "peer"], "one has arrived"),
        ("roundTrip", ["seconds"], "a ping was answered"),
        ("closed", ["code", "reason", "peer"], "the peer, or a client, has left"),
        ("failed", ["error", "class"], "no connection, or it was lost"),
        ("waiting", ["seconds", "attempt"], "when the next attempt comes"),
        ("notSent", ["error"], "a message will not be sent"),
        ("end", ["exit", "class", "statistics"], "the last line"),
    ]

    static let statisticsKeys = [
        "connections", "messagesSent", "bytesSent", "messagesReceived", "bytesReceived", "roundTrips",
        "meanRoundTripSeconds",
    ]

    static var help: String {
        let lines = documented.map { event, keys, meaning in
            let name = event + String(repeating: " ", count: 11 - event.count)
            return "  \(name)\(keys.joined(separator: ", ")): \(meaning)"
        }
        let classes = EndStatus.documented.map(\.name) + ["signal"]
        return """
            JSON EVENTS:
            \(lines.joined(separator: "\n"))

            Each has "event" and "time" too; a key without a value is left out. "kind" is text or binary, a binary message \
            is in "base64". "peer" is a client's address, with --listen. "class" names the exit status: \
            \(classes.joined(separator: ", ")). "statistics" has \(statisticsKeys.joined(separator: ", ")).
            """
    }
}

import Foundation
import WebSocketService

/// One line of JSON for each event, on standard output.
struct JSONFormat {
    /// Every key that an event may have; those without a value are left out.
    private struct Line: Encodable {
        var event: String
        var time: String
        var url: String?
        var peer: String?
        var subprotocol: String?
        var kind: String?
        var text: String?
        var base64: String?
        var route: String?
        var code: UInt16?
        var reason: String?
        var error: String?
        var `class`: String?
        var exit: Int32?
        var seconds: Double?
        var attempt: Int?
        var statistics: Statistics?
    }

    private struct Statistics: Encodable {
        var connections: Int
        var messagesSent: Int
        var bytesSent: Int
        var messagesReceived: Int
        var bytesReceived: Int
        var roundTrips: Int
        var meanRoundTripSeconds: Double?
    }

    var isServer = false
    /// Standard output is a terminal, which a peer's characters must not reach.
    var isTerminal = false

    func output(for notice: Notice, at time: Date) -> [Output] {
        var line = Line(event: "", time: time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        switch notice {
        case .listening(let url):
            line.event = "listening"
            line.url = url
        case .opened(let place, let subprotocol):
            line.event = "open"
            if isServer { line.peer = place } else { line.url = place }
            line.subprotocol = subprotocol
        case .message(let message, let route, let peer):
            line.event = "message"
            line.peer = peer
            line.kind = message.kind == .text ? "text" : "binary"
            line.text = message.text
            if message.kind == .binary { line.base64 = Data(message.payload).base64EncodedString() }
            line.route = route
        case .roundTrip(let duration):
            line.event = "roundTrip"
            line.seconds = duration / .seconds(1)
        case .closed(let code, let reason):
            line.event = "closed"
            (line.code, line.reason) = (code.rawValue, reason)
        case .clientLeft(let peer, let code, let reason):
            line.event = "closed"
            (line.peer, line.code, line.reason) = (peer, code.rawValue, reason)
        case .failed(let text, let status, _):
            line.event = "failed"
            (line.error, line.class) = (text, status.name)
        case .waiting(let delay, let attempt):
            line.event = "waiting"
            (line.seconds, line.attempt) = (delay / .seconds(1), attempt)
        case .notSent(let why):
            line.event = "notSent"
            line.error = why
        case .end(let status, let counts):
            line.event = "end"
            (line.exit, line.class) = (status.rawValue, status.name)
            line.statistics = Statistics(
                connections: counts.connections, messagesSent: counts.messagesSent, bytesSent: counts.bytesSent,
                messagesReceived: counts.messagesReceived, bytesReceived: counts.bytesReceived,
                roundTrips: counts.roundTrips.count,
                meanRoundTripSeconds: counts.roundTrips.count == 0 ? nil : counts.roundTrips.mean / .seconds(1))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Only a number that is none, infinity say, would not encode, and no duration is one.
        guard let data = try? encoder.encode(line) else { return [] }
        let text = String(decoding: data, as: UTF8.self)
        return [Output(stream: .standardOutput, text: (isTerminal ? text.visibleJSON : text) + "\n")]
    }
}

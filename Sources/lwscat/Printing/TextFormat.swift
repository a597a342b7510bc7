import Foundation
import WebSocketService

/// A text to write, and where.
struct Output: Hashable, Sendable {
    enum Stream: Hashable, Sendable {
        case standardOutput
        case standardError
    }

    let stream: Stream
    /// Whole lines.
    let text: String
}

/// Lines for a pipe, or for a person at a terminal.
///
/// In a pipe standard output has the messages, one a line, and nothing else. At a terminal everything that happens is told,
/// and what a peer wrote cannot do more than be read.
struct TextFormat {
    enum Place: Hashable {
        case pipe
        case terminal
    }

    var place: Place
    var style = Style.plain
    var isVerbose = false
    var showsStatistics = false

    func output(for notice: Notice) -> [Output] {
        switch notice {
        case .message(let message, let route):
            return [Output(stream: .standardOutput, text: line(message, route: route) + "\n")]
        case .listening(let url): return [told("listening on \(url)")]
        case .opened(let url, let subprotocol):
            guard tellsAll else { return [] }
            return [told("connected: \(shown(url))\(subprotocol.map { ", subprotocol \(shown($0))" } ?? "")", .good)]
        case .roundTrip(let duration): return [told("round trip \(duration.words)")]
        case .closed(let code, let reason):
            let isOrderly = EndStatus(closeCode: code) == .orderly
            guard tellsAll || !isOrderly else { return [] }
            let words = reason.isEmpty ? "" : " \"\(shown(reason))\""
            return [told("closed by the peer: \(code)\(words)", isOrderly ? .dim : .bad)]
        case .clientLeft(let peer, let code): return tellsAll ? [told("disconnected: \(shown(peer)), \(code)")] : []
        case .failed(let text, .tls): return [told(shown(text), .bad), told(Self.tlsHint)]
        case .failed(let text, _): return [told(shown(text), .bad)]
        case .waiting(let delay, let attempt): return [told("attempt \(attempt) in \(delay.words)", .dim)]
        case .notSent(let why): return [told(shown(why), .bad)]
        case .end(_, let counts): return showsStatistics ? counts.lines.map { told($0) } : []
        }
    }

    /// The library's errors speak to somebody who writes a program.
    private static let tlsHint =
        "\"lwscat tls URL\" shows the certificates; --ca, --server-name and --insecure-… change what is accepted"

    private var tellsAll: Bool { isVerbose || place == .terminal }

    private func told(_ text: String, _ kind: Style.Kind = .dim) -> Output {
        switch place {
        case .pipe: Output(stream: .standardError, text: "lwscat: \(text)\n")
        case .terminal: Output(stream: .standardOutput, text: style.apply(kind, to: text) + "\n")
        }
    }

    /// A peer's words about an error are shown on a terminal too where standard output is a pipe.
    private func shown(_ text: String) -> String { text.visibleOnTerminal }

    private func line(_ message: WebSocketMessage, route: String?) -> String {
        let text =
            message.text.map { place == .terminal ? $0.visibleOnTerminal : $0 }
            ?? "binary \(message.payload.count) bytes: \(Data(message.payload).base64EncodedString())"
        switch place {
        case .pipe: return route.map { "\($0)\t\(text)" } ?? text
        case .terminal:
            let route = route.map { style.apply(.route, to: "[\($0.visibleOnTerminal)] ") } ?? ""
            return "\(style.apply(.received, to: "<")) \(route)\(text)"
        }
    }
}

extension Counts {
    var lines: [String] {
        var lines = [
            "messages sent: \(messagesSent), \(bytesSent) bytes",
            "messages received: \(messagesReceived), \(bytesReceived) bytes",
            "connections: \(connections)",
        ]
        if roundTrips.count > 0 {
            lines.append(
                """
                round trips: \(roundTrips.count), shortest \(roundTrips.shortest.words), mean \(roundTrips.mean.words), \
                longest \(roundTrips.longest.words)
                """)
        }
        return lines
    }
}

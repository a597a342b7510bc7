import Foundation
import WebSocketService

/// Lines for a program, or for a person.
///
/// Without a prompt standard output has the messages, one a line, and nothing else. With one everything that happens is
/// told. On a terminal, and among colours, what a peer wrote cannot do more than be read.
struct TextFormat {
    /// Everything is told on standard output, above a prompt.
    var hasPrompt = false
    /// Of standard output.
    var isTerminal = false
    var style = Style.plain
    /// Of standard error.
    var errorStyle = Style.plain
    var isVerbose = false
    var showsStatistics = false

    func output(for notice: Notice) -> [Output] {
        switch notice {
        case .message(let message, let route, let peer):
            return [Output(stream: .standardOutput, text: line(message, route: route, peer: peer) + "\n")]
        case .listening(let url): return [told("listening on \(url)")]
        case .opened(let url, let subprotocol):
            guard tellsAll else { return [] }
            return [told("connected: \(shown(url))\(subprotocol.map { ", subprotocol \(shown($0))" } ?? "")", .good)]
        case .roundTrip(let duration): return [told("round trip \(duration.words)")]
        case .closed(let code, let reason):
            let isOrderly = EndStatus(closeCode: code) == .orderly
            guard tellsAll || !isOrderly else { return [] }
            return [told("closed by the peer: \(code)\(quoted(reason))", isOrderly ? .dim : .bad)]
        case .clientLeft(let peer, let code, let reason):
            return tellsAll ? [told("disconnected: \(shown(peer)), \(code)\(quoted(reason))")] : []
        case .failed(let text, _, let hint): return [told(shown(text), .bad)] + (hint.map { [told($0)] } ?? [])
        case .waiting(let delay, let attempt): return [told("attempt \(attempt) in \(delay.words)", .dim)]
        case .notSent(let why): return [told(shown(why), .bad)]
        case .end(_, let counts): return showsStatistics ? counts.lines.map { told($0) } : []
        }
    }

    private var tellsAll: Bool { isVerbose || hasPrompt }

    private func told(_ text: String, _ kind: Style.Kind = .dim) -> Output {
        hasPrompt
            ? Output(stream: .standardOutput, text: style.apply(kind, to: text) + "\n")
            : Output(stream: .standardError, text: errorStyle.apply(kind, to: "lwscat: \(text)") + "\n")
    }

    /// A peer's words about an error are shown on a terminal too where standard output is a pipe.
    private func shown(_ text: String) -> String { text.visibleOnTerminal }

    private func quoted(_ reason: String) -> String { reason.isEmpty ? "" : " \"\(shown(reason))\"" }

    private func line(_ message: WebSocketMessage, route: String?, peer: String?) -> String {
        // A message among colours must not make its own.
        let isMadeVisible = isTerminal || style == .colored
        func shown(_ text: String) -> String { isMadeVisible ? text.visibleOnTerminal : text }
        let text =
            message.text.map(shown)
            ?? "binary \(message.payload.count) bytes: \(Data(message.payload).base64EncodedString())"
        if hasPrompt {
            let peer = peer.map { style.apply(.dim, to: $0) + " " } ?? ""
            let route = route.map { style.apply(.route, to: "[\(shown($0))] ") } ?? ""
            return "\(style.apply(.received, to: "<")) \(peer)\(route)\(text)"
        }
        let route = route.map { style.apply(.route, to: shown($0)) + "\t" } ?? ""
        return route + style.apply(.received, to: text)
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

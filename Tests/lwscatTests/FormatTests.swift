import Foundation
import Testing
import WebSocketService

@testable import lwscat

@Suite("What is shown")
struct FormatTests {
    private static let pipe = TextFormat()
    private static let prompt = TextFormat(hasPrompt: true, isTerminal: true)

    private func out(_ text: String) -> [Output] { [Output(stream: .standardOutput, text: text)] }
    private func err(_ text: String) -> [Output] { [Output(stream: .standardError, text: text)] }

    @Test("In a pipe standard output has the messages as they are, and nothing else")
    func pipe() {
        let format = Self.pipe
        #expect(format.output(for: .message(.text("a\u{1B}[2J"), route: nil)) == out("a\u{1B}[2J\n"))
        #expect(format.output(for: .message(.text("{}"), route: "prices")) == out("prices\t{}\n"))
        #expect(format.output(for: .message(.binary([0, 255]), route: nil)) == out("binary 2 bytes: AP8=\n"))
        #expect(format.output(for: .opened("wss://a/", subprotocol: nil)) == [])
        #expect(format.output(for: .closed(.normalClosure, reason: "bye")) == [])
        #expect(
            format.output(for: .closed(.internalError, reason: "oops"))
                == err("lwscat: closed by the peer: 1011 internal error \"oops\"\n"))
        #expect(format.output(for: .failed("no\u{7}", .unreachable)) == err("lwscat: no\\u{07}\n"))
        #expect(format.output(for: .waiting(.seconds(2), attempt: 2)) == err("lwscat: attempt 2 in 2 s\n"))
        #expect(format.output(for: .roundTrip(.microseconds(1_234))) == err("lwscat: round trip 1.234 ms\n"))
        #expect(format.output(for: .end(.orderly, Counts())) == [])
    }

    @Test("A failure says what to do about it, where there is something to do")
    func hint() {
        #expect(
            Self.pipe.output(for: .failed("no", .tls, hint: "--ca FILE"))
                == err("lwscat: no\n") + err("lwscat: --ca FILE\n"))
        #expect(Self.pipe.output(for: .failed("no", .tls)) == err("lwscat: no\n"))
    }

    @Test("--verbose tells of connections too")
    func verbose() {
        let format = TextFormat(isVerbose: true)
        #expect(
            format.output(for: .opened("wss://a/", subprotocol: "v2"))
                == err("lwscat: connected: wss://a/, subprotocol v2\n"))
        #expect(
            format.output(for: .clientLeft("127.0.0.1:5", .goingAway, reason: "bye\u{7}"))
                == err("lwscat: disconnected: 127.0.0.1:5, 1001 going away \"bye\\u{07}\"\n"))
    }

    @Test(
        "At a terminal a peer cannot do more than be read",
        arguments: [
            ("plain, wört, 日本, 👩\u{200D}💻", "plain, wört, 日本, 👩\u{200D}💻"),
            ("two\nlines\tand a tab", "two\nlines\tand a tab"),
            ("\u{1B}[2J\u{1B}]0;title\u{7}", "\\u{1B}[2J\\u{1B}]0;title\\u{07}"),
            ("\u{9B}2J", "\\u{009B}2J"),
            ("back\rover", "back\\rover"),
            ("\u{202E}desrever", "\\u{202E}desrever"),
        ])
    func terminal(message: String, shown: String) {
        #expect(Self.prompt.output(for: .message(.text(message), route: nil)) == out("< \(shown)\n"))
        #expect(Self.prompt.output(for: .message(.text("x"), route: message)) == out("< [\(shown)] x\n"))
        let withoutPrompt = TextFormat(isTerminal: true)
        #expect(withoutPrompt.output(for: .message(.text(message), route: message)) == out("\(shown)\t\(shown)\n"))
    }

    @Test("At the prompt of a server every message has its sender")
    func sender() {
        let notice = Notice.message(.text("x"), route: "r", peer: "127.0.0.1:5")
        #expect(Self.prompt.output(for: notice) == out("< 127.0.0.1:5 [r] x\n"))
        #expect(Self.pipe.output(for: notice) == out("r\tx\n"))
    }

    @Test("JSON for a terminal has a peer's characters escaped, and means the same")
    func terminalJSON() throws {
        let text = "\u{9B}2J \u{202E}x \u{7F} \u{E0001} 日本"
        let shown = JSONFormat(isTerminal: true).output(for: .message(.text(text), route: nil), at: .now)[0].text
        #expect(shown.contains(#""\u009b2J \u202ex \u007f \udb40\udc01 日本""#), "\(shown)")
        let read = try JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [String: Any]
        #expect(read?["text"] as? String == text)
        #expect(JSONFormat().output(for: .message(.text(text), route: nil), at: .now)[0].text.contains("\u{9B}2J"))
    }

    @Test("Statistics are printed when asked for")
    func statistics() {
        var counts = Counts()
        counts.add(sent: .text("abc"))
        counts.add(roundTrip: .milliseconds(2))
        let format = TextFormat(showsStatistics: true)
        let lines = format.output(for: .end(.orderly, counts)).map(\.text)
        #expect(
            lines == [
                "lwscat: messages sent: 1, 3 bytes\n", "lwscat: messages received: 0, 0 bytes\n",
                "lwscat: connections: 0\n",
                "lwscat: round trips: 1, shortest 2 ms, mean 2 ms, longest 2 ms\n",
            ])
    }

    @Test("Colours are there where they can be seen and are wanted")
    func colors() {
        func style(_ choice: ColorChoice, isTerminal: Bool, _ environment: [String: String] = [:]) -> Style {
            Style(choice, isTerminal: isTerminal, environment: environment)
        }
        #expect(style(.auto, isTerminal: true) == .colored)
        #expect(style(.auto, isTerminal: false) == .plain)
        #expect(style(.auto, isTerminal: true, ["NO_COLOR": "1"]) == .plain)
        #expect(style(.auto, isTerminal: true, ["NO_COLOR": ""]) == .colored)
        #expect(style(.auto, isTerminal: true, ["TERM": "dumb"]) == .plain)
        #expect(style(.always, isTerminal: false, ["NO_COLOR": "1"]) == .colored)
        #expect(style(.never, isTerminal: true) == .plain)
        let prompt = TextFormat(hasPrompt: true, isTerminal: true, style: .colored)
        #expect(prompt.output(for: .message(.text("x"), route: nil)) == out("\u{1B}[36m<\u{1B}[0m x\n"))
    }

    @Test("A pipe with colours has no others than lwscat's")
    func coloredPipe() {
        let format = TextFormat(style: .colored, errorStyle: .colored)
        #expect(
            format.output(for: .message(.text("x\u{1B}[31m"), route: "r\u{7}"))
                == out("\u{1B}[35mr\\u{07}\u{1B}[0m\t\u{1B}[36mx\\u{1B}[31m\u{1B}[0m\n"))
        #expect(
            format.output(for: .failed("no", .unreachable)) == err("\u{1B}[31mlwscat: no\u{1B}[0m\n"))
        #expect(TextFormat(style: .colored).output(for: .failed("no", .unreachable)) == err("lwscat: no\n"))
    }

    @Test(
        "Every event is one line of JSON",
        arguments: [
            (
                Notice.message(.text("a\n\"/"), route: "r"),
                #"{"event":"message","kind":"text","route":"r","text":"a\n\"/","time":"T"}"#
            ),
            (.message(.binary([1]), route: nil), #"{"base64":"AQ==","event":"message","kind":"binary","time":"T"}"#),
            (.opened("wss://a/", subprotocol: "v"), #"{"event":"open","subprotocol":"v","time":"T","url":"wss://a/"}"#),
            (
                .message(.text("x"), route: nil, peer: "127.0.0.1:5"),
                #"{"event":"message","kind":"text","peer":"127.0.0.1:5","text":"x","time":"T"}"#
            ),
            (
                .clientLeft("127.0.0.1:5", .goingAway, reason: "x"),
                #"{"code":1001,"event":"closed","peer":"127.0.0.1:5","reason":"x","time":"T"}"#
            ),
            (.closed(.goingAway, reason: "x"), #"{"code":1001,"event":"closed","reason":"x","time":"T"}"#),
            (.failed("no", .tls), #"{"class":"tls","error":"no","event":"failed","time":"T"}"#),
            (.waiting(.milliseconds(1_500), attempt: 2), #"{"attempt":2,"event":"waiting","seconds":1.5,"time":"T"}"#),
            (.listening("ws://b"), #"{"event":"listening","time":"T","url":"ws://b"}"#),
        ] as [(Notice, String)])
    func json(notice: Notice, line: String) {
        let time = Date(timeIntervalSince1970: 0)
        let expected = line.replacing(#""T""#, with: #""1970-01-01T00:00:00.000Z""#)
        #expect(JSONFormat().output(for: notice, at: time) == out(expected + "\n"))
    }
}

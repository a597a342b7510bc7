import HTTPTypes
import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct ResponseParserViolationTests {
    @Test(
        "Another protocol is recognised by its first bytes",
        arguments: [
            ("ICY 200 OK\r\n", "It is not HTTP: it begins with \"ICY 200 OK\" (RFC 9112 section 2.3)."),
            ("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "\"SSH-2.0-OpenSSH_9.2p1 Debian-2\""),
            ("\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\u{46}", "\"\\u{15}\\u{03}\\u{03}\\0\\u{02}\\u{02}F\""),
            ("\u{0}\u{0}\u{12}\u{4}", "\"\\0\\0\\u{12}\\u{04}\""),
            ("http/1.1 101 Switching Protocols\r\n", "\"http/1.1 101 Switching Protocols\""),
            ("GET / HTTP/1.1\r\n", "\"GET / HTTP/1.1\""),
            ("\r\nHTTP/1.1 403 Forbidden\r\n", "\"\\r\\nHTTP/1.1 403 Forbidden"),
            ("HTTPS", "\"HTTPS\""),
            ("{\"error\":1}", "\"{\\\"error\\\":1}\""),
        ])
    func otherProtocolsAreRecognised(text: String, words: String) {
        let whole = ResponseParser.read(text)
        guard case .notHTTP = whole.violation?.rule else {
            Issue.record("\(whole)")
            return
        }
        #expect(whole.violation?.description.contains(words) == true, "\(whole)")
        // Without a line's end, and without waiting for more than the byte that tells.
        for cut in 1..<text.utf8.count {
            #expect(ResponseParser.read(text, cutAt: [cut]).withoutExcerpt == whole.withoutExcerpt)
        }
    }

    @Test(
        "A status line that breaks HTTP is a violation, at its end",
        arguments: [
            ("HTTP/2 101 Switching Protocols", .version("\"HTTP/2\""), "The version is \"HTTP/2\" instead of HTTP/1.1"),
            ("HTTP/2.0 101", .version("\"HTTP/2.0\""), "RFC 9112 section 2.3"),
            ("HTTP/1.x 101", .version("\"HTTP/1.x\""), "instead of HTTP/1.1"),
            ("HTTP/1.10 101", .version("\"HTTP/1.10\""), "instead of HTTP/1.1"),
            ("HTTP/", .version("\"HTTP/\""), "instead of HTTP/1.1"),
            (
                "HTTP/1.1", .statusLine("\"HTTP/1.1\""),
                "The status line is malformed: \"HTTP/1.1\" (RFC 9112 section 4)."
            ),
            ("HTTP/1.1  101 OK", .status("\"\""), "The status is \"\", which is impossible"),
            ("HTTP/1.1 0 OK", .status("\"0\""), "impossible (RFC 9110 section 15)."),
            ("HTTP/1.1 099 OK", .status("\"099\""), "impossible"),
            ("HTTP/1.1 600 OK", .status("\"600\""), "impossible"),
            ("HTTP/1.1 1010 OK", .status("\"1010\""), "impossible"),
            ("HTTP/1.1 99999999999999999999 OK", .status("\"99999999999999999999\""), "impossible"),
            ("HTTP/1.1 -10 OK", .status("\"-10\""), "impossible"),
            ("HTTP/1.1 1e2 OK", .status("\"1e2\""), "impossible"),
            ("HTTP/1.1 101\tOK", .status("\"101\\tOK\""), "impossible"),
            ("HTTP/1.1 101 O\u{0}K", .statusLine("\"HTTP/1.1 101 O\\0K\""), "malformed"),
            ("HTTP/1.1 101 O\rK", .statusLine("\"HTTP/1.1 101 O\\rK\""), "malformed"),
            ("HTTP/1.1 101 OK\r", .statusLine("\"HTTP/1.1 101 OK\\r\""), "malformed"),
        ] as [(String, HTTPViolation.Rule, String)])
    func brokenStatusLineIsViolation(
        line: String, rule: HTTPViolation.Rule, words: String
    ) {
        let text = line + "\r\n"
        for cut in 0...text.utf8.count {
            let violation = ResponseParser.read(text, cutAt: [cut]).violation
            #expect(violation?.rule == rule)
            #expect(violation?.description.contains(words) == true, "\(violation?.description ?? "none")")
        }
    }

    @Test(
        "A header line that breaks HTTP is a violation, at its end",
        arguments: [
            (
                " folded", .foldedLine("\" folded\""),
                "A header line begins with a blank, which is no longer allowed: \" folded\" (RFC 9112 section 5.2)."
            ),
            ("\tfolded", .foldedLine("\"\\tfolded\""), "begins with a blank"),
            (" ", .foldedLine("\" \""), "begins with a blank"),
            ("nothing", .noColon("\"nothing\""), "A header line has no colon: \"nothing\" (RFC 9112 section 5)."),
            ("\u{0}", .noColon("\"\\0\""), "has no colon"),
            ("Server : x", .blankBeforeColon("\"Server : x\""), "has a blank in front of its colon: \"Server : x\""),
            ("Server\t: x", .blankBeforeColon("\"Server\\t: x\""), "in front of its colon"),
            (": x", .fieldName("\": x\""), "A header line does not begin with a header's name: \": x\""),
            ("S\u{E9}rver: x", .fieldName("\"S\\u{00C3}\\u{00A9}rver: x\""), "header's name"),
            ("Ser ver: x", .fieldName("\"Ser ver: x\""), "header's name"),
            ("Server\u{0}: x", .fieldName("\"Server\\0: x\""), "header's name"),
            (
                "Server: a\u{0}b", .controlCharacter(0, field: "\"Server\""),
                "The value of header \"Server\" has a control character: 0x00 (RFC 9110 section 5.5)."
            ),
            ("Server: a\u{7F}", .controlCharacter(0x7F, field: "\"Server\""), "0x7f"),
            ("Server: a\rb", .controlCharacter(0x0D, field: "\"Server\""), "0x0d"),
            ("Server: a\r", .controlCharacter(0x0D, field: "\"Server\""), "0x0d"),
            ("Server: \u{1B}[2J", .controlCharacter(0x1B, field: "\"Server\""), "0x1b"),
        ] as [(String, HTTPViolation.Rule, String)])
    func brokenHeaderLineIsViolation(
        line: String, rule: HTTPViolation.Rule, words: String
    ) {
        for status in ["101 Switching Protocols", "100 Continue", "403 Forbidden"] {
            let text = "HTTP/1.1 \(status)\r\nServer: s\r\n\(line)\r\n"
            for cut in 0...text.utf8.count {
                let violation = ResponseParser.read(text, cutAt: [cut]).violation
                #expect(violation?.rule == rule)
                #expect(violation?.description.contains(words) == true, "\(violation?.description ?? "none")")
            }
        }
    }

    @Test("A head larger than the limit is a violation, without waiting for its end") func tooLargeHeadIsViolation() {
        let bytes = Array(ResponseParserTests.sample.utf8)
        let answer = ResponseParser.read(bytes, maximumHeadSize: bytes.count)
        #expect(answer.lines == ResponseParserTests.sampleLines)
        for cut in bytes.indices {
            let answer = ResponseParser.read(bytes, maximumHeadSize: bytes.count - 1, cutAt: [cut])
            #expect(answer.violation?.rule == .headTooLarge(limit: bytes.count - 1))
        }
        let endless = Array(("HTTP/1.1 101 " + String(repeating: "Switching ", count: 30_000)).utf8)
        let violation = ResponseParser.read(endless).violation
        #expect(violation?.description == "The head is larger than 262144 bytes.")
        #expect(
            ResponseParser.read(endless, cutAt: Array(stride(from: 1, to: endless.count, by: 7))).violation == violation
        )
    }

    @Test("A head followed by more than the limit is no larger for that") func headMayBeFollowedByMore() {
        let answer = ResponseParser.read(
            Array(ResponseParserTests.sample.utf8) + [UInt8](repeating: 0x82, count: 100_000))
        guard case .switched(_, let rest) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(rest.count == 100_000)
    }

    @Test("More header lines than can be looked through are a violation") func tooManyLinesAreViolation() {
        let lines = String(repeating: "a:\n", count: HTTPFields.maximumReceivedCount)
        #expect(ResponseParser.read("HTTP/1.1 403 No\n\(lines)\n").head?.headers.count == 1_000)
        #expect(ResponseParser.read("HTTP/1.1 403 No\n\(lines)b:\n").violation?.rule == .tooManyFields(limit: 1_000))
    }

    @Test("Interim responses without end are a violation") func endlessInterimsAreViolation() {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        let limit = ResponseParser.maximumInterimResponses
        let allowed = String(repeating: interim, count: limit)
        #expect(ResponseParser.read(allowed + ResponseParserTests.sample).lines == ResponseParserTests.sampleLines)
        let violation = ResponseParser.read(allowed + interim).violation
        #expect(violation?.rule == .tooManyInterimResponses(limit: limit))
        #expect(violation?.description == "More than 16 interim responses (status 1xx) come first.")
    }

    @Test("A switch that cannot be meant is a violation") func impossibleSwitchIsViolation() {
        let old = ResponseParser.read("HTTP/1.0 101 Switching Protocols\r\n\r\n").violation
        #expect(old?.rule == .switchInHTTP10)
        #expect(
            old?.description == "The status is 101 in a response of HTTP/1.0, which cannot switch protocols "
                + "(RFC 9110 section 7.8).")
        let unasked = ResponseParser.read("HTTP/1.1 101 Switching Protocols\r\n\r\n", to: .connect).violation
        #expect(unasked?.rule == .unaskedSwitch)
        #expect(
            unasked?.description == "The status is 101, but no other protocol was asked for (RFC 9110 section 7.8).")
    }
}

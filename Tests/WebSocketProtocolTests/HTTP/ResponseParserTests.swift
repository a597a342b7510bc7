import HTTPTypes
import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct ResponseParserTests {
    private static let sample =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX-Empty:\r\nset-cookie:\t a=1; b \r\n"
        + "Set-Cookie: c=2\r\nSet-Cookie: a=1\r\n\r\n"
    private static let sampleLines = [
        "1 101 Switching Protocols", "Upgrade:websocket", "X-Empty:", "set-cookie:a=1; b", "Set-Cookie:c=2",
        "Set-Cookie:a=1",
    ]

    // MARK: - Heads

    @Test("A head comes out whole and in order, wherever the reads end, and the first frames after it")
    func headComesOutWhole() {
        let text = Self.sample + "\u{1}\u{2}rest\r\n\r\n"
        for cut in 0...text.utf8.count {
            let answer = ResponseParser.read(text, cutAt: [cut])
            #expect(answer.lines == Self.sampleLines)
            guard case .switched(_, let rest) = answer else {
                Issue.record("not switched when cut at \(cut): \(answer)")
                return
            }
            #expect(rest == Array("\u{1}\u{2}rest\r\n\r\n".utf8))
        }
    }

    @Test("One byte at a time is enough") func oneByteAtATime() {
        let answer = ResponseParser.read(Self.sample, cutAt: Array(1..<Self.sample.utf8.count))
        #expect(answer.lines == Self.sampleLines)
    }

    @Test("Lines that end with LF alone are lines, and nothing but what arrived is in them") func linesMayEndWithLF() {
        let text = "HTTP/1.1 403 Forbidden\nX-Why: because\r\nContent-Length: 0\n\n"
        for cut in 0...text.utf8.count {
            let answer = ResponseParser.read(text, cutAt: [cut])
            #expect(answer.lines == ["1 403 Forbidden", "X-Why:because", "Content-Length:0"])
            #expect(answer.refused?.body == [])
        }
    }

    @Test(
        "A status line gives the version, the code and the reason, which may be empty",
        arguments: [
            ("HTTP/1.1 403 Forbidden", 1, 403, "Forbidden"),
            ("HTTP/1.1 403 ", 1, 403, ""),
            ("HTTP/1.1 403", 1, 403, ""),
            ("HTTP/1.0 403 No way,  at all", 0, 403, "No way,  at all"),
            ("HTTP/1.9 599 \u{E9}", 9, 599, "\u{C3}\u{A9}"),
            ("HTTP/1.1 200 OK", 1, 200, "OK"),
        ] as [(String, Int, Int, String)])
    func statusLine(line: String, minorVersion: Int, code: Int, reason: String) {
        let head = ResponseParser.read("\(line)\r\nContent-Length: 0\r\n\r\n").head
        #expect(head?.minorVersion == minorVersion)
        #expect(head?.status.code == code)
        #expect(head?.status.reasonPhrase == reason)
    }

    @Test("Bytes outside ASCII are kept in values and cost no other header") func bytesOutsideASCIIAreKept() {
        let text = Array("HTTP/1.1 403 Verboten\r\nX-Latin: caf".utf8) + [0xE9] + Array("\r\nX-Next: n\r\n\r\n".utf8)
        let answer = ResponseParser.read(text)
        #expect(answer.lines == ["1 403 Verboten", "X-Latin:caf\u{E9}", "X-Next:n"])
    }

    @Test("Many Set-Cookie lines are all there") func manyCookiesAreThere() {
        let cookies = (0..<500).map { "Set-Cookie: name\($0)=value; Path=/; Secure\r\n" }.joined()
        let answer = ResponseParser.read("HTTP/1.1 401 Unauthorized\r\n\(cookies)Content-Length: 0\r\n\r\n")
        #expect(answer.head?.headers[values: .setCookie].count == 500)
        #expect(answer.head?.headers[values: .setCookie].last == "name499=value; Path=/; Secure")
    }

    @Test("60 cookies as large as a client has to keep are all there (RFC 6265 section 6.1)")
    func largeCookiesAreThere() {
        let cookie = "Set-Cookie: name=" + String(repeating: "v", count: 4_096 - 5) + "; Path=/\r\n"
        let cookies = String(repeating: cookie, count: 60)
        let answer = ResponseParser.read("HTTP/1.1 401 Unauthorized\r\n\(cookies)Content-Length: 0\r\n\r\n")
        #expect(answer.head?.headers[values: .setCookie].count == 60)
    }

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
        let bytes = Array(Self.sample.utf8)
        let answer = ResponseParser.read(bytes, maximumHeadSize: bytes.count)
        #expect(answer.lines == Self.sampleLines)
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
        let answer = ResponseParser.read(Array(Self.sample.utf8) + [UInt8](repeating: 0x82, count: 100_000))
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

    // MARK: - Interim responses

    @Test("Interim responses are skipped", arguments: ["101 Switching Protocols", "403 Forbidden"])
    func interimResponsesAreSkipped(status: String) {
        let text =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\n"
            + "HTTP/1.1 199\r\n\r\nHTTP/1.1 \(status)\r\nServer: s\r\nContent-Length: 0\r\n\r\n"
        for cut in 0...text.utf8.count {
            let answer = ResponseParser.read(text, cutAt: [cut])
            #expect(answer.lines == ["1 \(status)", "Server:s", "Content-Length:0"])
        }
    }

    @Test("Interim responses without end are a violation") func endlessInterimsAreViolation() {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        let limit = ResponseParser.maximumInterimResponses
        let allowed = String(repeating: interim, count: limit)
        #expect(ResponseParser.read(allowed + Self.sample).lines == Self.sampleLines)
        let violation = ResponseParser.read(allowed + interim).violation
        #expect(violation?.rule == .tooManyInterimResponses(limit: limit))
        #expect(violation?.description == "More than 16 interim responses (status 1xx) come first.")
    }

    @Test("Each interim head has the limit of its own") func interimHeadsHaveOwnLimit() {
        let hints = Array("HTTP/1.1 103 Early Hints\r\nLink: \(String(repeating: "x", count: 100))\r\n\r\n".utf8)
        let answer = ResponseParser.read(hints + hints + Array(Self.sample.utf8), maximumHeadSize: hints.count + 10)
        #expect(answer.lines == Self.sampleLines)
        let larger = ResponseParser.read(hints, maximumHeadSize: hints.count - 1)
        #expect(larger.violation?.rule == .headTooLarge(limit: hints.count - 1))
    }

    // MARK: - 101, and the tunnel

    @Test(
        "What would frame a body means nothing where the connection switches",
        arguments: [
            "Content-Length: 0", "Content-Length: 100", "Content-Length: x", "Transfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: -1",
        ])
    func bodyFramingMeansNothing(header: String) {
        let upgrade = ResponseParser.read("HTTP/1.1 101 Yes\r\n\(header)\r\n\r\nrest")
        let tunnel = ResponseParser.read("HTTP/1.1 200 Yes\r\n\(header)\r\n\r\nrest", to: .connect)
        for answer in [upgrade, tunnel] {
            guard case .switched(let head, let rest) = answer else {
                Issue.record("\(answer)")
                continue
            }
            #expect(head.headers.count == header.split(separator: "\r\n").count)
            #expect(rest == Array("rest".utf8))
        }
    }

    @Test(
        "Any 2xx to CONNECT stands for a tunnel, in any number of reads",
        arguments: [
            "HTTP/1.1 200 Connection established", "HTTP/1.0 200 Connection established", "HTTP/1.1 200",
            "HTTP/1.1 200 ",
            "HTTP/1.1 204 No Content", "HTTP/1.1 299", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
        ])
    func any2xxIsATunnel(statusLine: String) {
        let text = "\(statusLine)\r\nVia: p\r\n\r\n\u{16}\u{3}"
        for cut in 0...text.utf8.count {
            let answer = ResponseParser.read(text, to: .connect, cutAt: [cut])
            guard case .switched(let head, let rest) = answer else {
                Issue.record("\(answer)")
                return
            }
            #expect(head.headers[.via] == "p")
            #expect(rest == [0x16, 0x03])
        }
    }

    @Test("A proxy that wants credentials says so") func proxyWantsCredentials() {
        let text =
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n"
            + "Content-Length: 4\r\n\r\nwhy?"
        for cut in 0...text.utf8.count {
            let response = ResponseParser.read(text, to: .connect, cutAt: [cut]).refused
            #expect(response?.head.status == .proxyAuthenticationRequired)
            #expect(response?.head.headers[.proxyAuthenticate] == "Basic realm=\"p\"")
            #expect(response?.body == Array("why?".utf8))
        }
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

    // MARK: - The end of the stream

    @Test("After a head, the end of the stream completes the refusal with what there is")
    func endAfterHeadCompletesRefusal() {
        let head = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n"
        let answers = [
            ("Content-Length: 100\r\n\r\nhalf", "half"), ("Content-Length: 100\r\n\r\n", ""),
            ("Transfer-Encoding: chunked\r\n\r\n64\r\nhalf", "half"), ("Transfer-Encoding: chunked\r\n\r\n6", ""),
            ("\r\nhalf", "half"), ("\r\n", ""),
        ]
        for (rest, body) in answers {
            let text = head + rest
            for cut in 0...text.utf8.count {
                let answer = ResponseParser.read(text, cutAt: [cut])
                guard case .refused(let response, isEarly: false) = answer else {
                    Issue.record("\(answer)")
                    return
                }
                #expect(response.head.headers[.retryAfter] == "7")
                #expect(response.body == Array(body.utf8))
            }
        }
    }

    @Test("Within a head, the end of the stream leaves nothing") func endWithinHeadLeavesNothing() {
        let bytes = Array("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 403 Forbidden\r\nServer: s\r\n\r\n".utf8)
        #expect(ResponseParser.read([]) == .nothing(isWithinHead: false))
        for count in 1..<bytes.count {
            #expect(ResponseParser.read(Array(bytes[..<count])) == .nothing(isWithinHead: true))
        }
        #expect(ResponseParser.read(bytes).head?.status.code == 403)
    }

    @Test("A decision is made once") func decisionIsMadeOnce() throws {
        var parser = ResponseParser(to: .upgrade)
        let refusal = Array("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".utf8)
        let progress = try refusal.withUnsafeBytes { try parser.receive($0) }
        #expect(progress != .needsMoreBytes)
        #expect(try refusal.withUnsafeBytes { try parser.receive($0) } == .needsMoreBytes)
        #expect(!parser.isWithinHead)
        #expect(parser.finish() == nil)

        var broken = ResponseParser(to: .upgrade)
        #expect(throws: HTTPViolation.self) { try Array("ICY".utf8).withUnsafeBytes { try broken.receive($0) } }
        #expect(try refusal.withUnsafeBytes { try broken.receive($0) } == .needsMoreBytes)
        #expect(broken.finish() == nil)
    }
}

import HTTPTypes
import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct ResponseParserTests {
    static let sample =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX-Empty:\r\nset-cookie:\t a=1; b \r\n"
        + "Set-Cookie: c=2\r\nSet-Cookie: a=1\r\n\r\n"
    static let sampleLines = [
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

import HTTPTypes
import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct UpgradeRequestParserTests {
    private func parse(_ text: String, maximumSize: Int = 16 * 1024, cutAt cut: Int = 0) -> Result<
        (UpgradeRequestHead, [UInt8])?, UpgradeRejection
    > {
        var parser = UpgradeRequestParser(maximumSize: maximumSize)
        let bytes = Array(text.utf8)
        do throws(UpgradeRejection) {
            for chunk in [bytes[..<cut], bytes[cut...]] {
                let progress = try Array(chunk).withUnsafeBufferPointer { buffer throws(UpgradeRejection) in
                    try parser.parse(UnsafeRawBufferPointer(buffer))
                }
                if case .complete(let head, let rest) = progress {
                    return .success((head, rest + bytes[(chunk.endIndex)...]))
                }
            }
            return .success(nil)
        } catch {
            return .failure(error)
        }
    }

    private static let sample =
        "GET /chat?x=1 HTTP/1.1\r\nHost: example.com\r\nX-Empty:\r\nCookie:\t a=1 \r\nCookie: b=2\r\n\r\n"

    @Test("A head comes out whole, wherever the reads end, and the first frames with it")
    func headComesOutWhole() throws {
        let text = Self.sample + "\u{1}\u{2}rest\r\n\r\n"
        for cut in 0...text.utf8.count {
            let (head, rest) = try #require(try parse(text, cutAt: cut).get())
            #expect(head.method == "GET")
            #expect(head.target == "/chat?x=1")
            #expect(head.version == "HTTP/1.1")
            #expect(
                head.headers.map { "\($0.name.rawName)=\($0.value)" } == [
                    "Host=example.com", "X-Empty=", "Cookie=a=1", "Cookie=b=2",
                ])
            #expect(rest == Array("\u{1}\u{2}rest\r\n\r\n".utf8))
        }
    }

    @Test("One byte at a time is enough") func oneByteAtATime() throws {
        var parser = UpgradeRequestParser()
        let bytes = Array(("\r\n" + Self.sample).utf8)
        for (index, byte) in bytes.enumerated() {
            let progress = try [byte].withUnsafeBytes { try parser.parse($0) }
            if index < bytes.count - 1 {
                #expect(progress == .needsMoreBytes)
            } else if case .complete(let head, let rest) = progress {
                #expect(head.target == "/chat?x=1")
                #expect(rest.isEmpty)
            } else {
                Issue.record("the head is not complete")
            }
        }
    }

    @Test(
        "A head that breaks HTTP is refused with 400",
        arguments: [
            ("\u{16}\u{3}\u{1}", "It is not HTTP: it begins with"),
            (" GET / HTTP/1.1\r\n\r\n", "It is not HTTP: it begins with"),
            ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", "It is not HTTP: it begins with"),
            ("GET / HTTP/1.1\nHost: x\n\n", "A line of the head does not end with CR LF (RFC 9112 section 2.2)."),
            ("GET / HTTP/1.1\r\nHost: x\n\r\n", "A line of the head does not end with CR LF (RFC 9112 section 2.2)."),
            ("\rGET / HTTP/1.1\r\n\r\n", "It is not HTTP: it begins with"),
            ("GET /\r\n\r\n", "The request line is malformed: \"GET /\" (RFC 9112 section 3)."),
            ("GET  / HTTP/1.1\r\n\r\n", "The request line is malformed"),
            ("GET / x HTTP/1.1\r\n\r\n", "The request line is malformed"),
            ("GET / HTTP/1.1 \r\n\r\n", "The request line is malformed"),
            ("GET / HTTP/11\r\n\r\n", "The request line is malformed"),
            ("GET / http/1.1\r\n\r\n", "The request line is malformed"),
            ("GET / HTTP/1.x\r\n\r\n", "The request line is malformed"),
            ("G@T / HTTP/1.1\r\n\r\n", "The request line is malformed"),
            ("GET /ä HTTP/1.1\r\n\r\n", "The request line is malformed"),
            ("GET /\u{0} HTTP/1.1\r\n\r\n", "The request line is malformed"),
            ("GET / HTTP/1.1\r\nHost\r\n\r\n", "A header line has no colon: \"Host\" (RFC 9112 section 5)."),
            ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", "A header line has a blank in front of its colon"),
            ("GET / HTTP/1.1\r\n: x\r\n\r\n", "A header line does not begin with a header's name"),
            (
                "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
                "A header line begins with a blank, which is no longer allowed: \" folded\""
            ),
            ("GET / HTTP/1.1\r\n\tA: b\r\n\r\n", "A header line begins with a blank"),
            ("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", "has a control character: 0x0d"),
            ("GET / HTTP/1.1\r\nA: b\u{0}c\r\n\r\n", "has a control character: 0x00"),
            ("GET / HTTP/1.1\r\nA\u{0}: b\r\n\r\n", "A header line does not begin with a header's name"),
        ])
    func brokenHeadIs400(text: String, message: String) {
        for cut in 0...text.utf8.count {
            guard case .failure(let rejection) = parse(text, cutAt: cut) else {
                Issue.record("accepted when cut at \(cut)")
                return
            }
            #expect(rejection.status == .badRequest)
            #expect(rejection.message.contains(message), "\(rejection)")
        }
    }

    @Test("A head larger than the limit is refused with 431, without waiting for its end") func tooLargeHeadIs431() {
        let limit = Self.sample.utf8.count
        #expect((try? parse(Self.sample, maximumSize: limit).get()) != nil)
        guard case .failure(let rejection) = parse(Self.sample, maximumSize: limit - 1) else {
            Issue.record("accepted")
            return
        }
        #expect(rejection.status == .requestHeaderFieldsTooLarge)
        #expect(rejection.message == "The head is larger than \(limit - 1) bytes.")

        let endless = "GET /" + String(repeating: "a", count: 20_000)
        guard case .failure(let other) = parse(endless) else {
            Issue.record("still waiting")
            return
        }
        #expect(other.status.code == 431)
    }

    @Test("A head followed by more than the limit is no larger for that") func headMayBeFollowedByMore() throws {
        let frames = String(repeating: "f", count: 30_000)
        let (_, rest) = try #require(try parse(Self.sample + frames).get())
        #expect(rest.count == 30_000)
    }

    @Test("More header lines than can be looked through are refused with 431") func tooManyLinesAre431() {
        let lines = String(repeating: "a:\r\n", count: 1_001)
        guard case .failure(let rejection) = parse("GET / HTTP/1.1\r\n\(lines)\r\n") else {
            Issue.record("accepted")
            return
        }
        #expect(rejection.status == .requestHeaderFieldsTooLarge)
        #expect(rejection.message == "The head has more than 1000 header lines.")
    }

    @Test("Mutated requests come to one end, however they are cut") func mutatedRequestsEnd() {
        var generator = SeededGenerator(seed: 12)
        var ends: [String: Int] = [:]
        for round in 0..<12_000 {
            let bytes = generator.mutate(Array(("\r\n" + Self.sample + "rest").utf8))
            let whole = end(of: bytes, cutAt: [])
            for cuts in [Array(0...bytes.count), generator.cuts(bytes.count, maximum: 6)] {
                if end(of: bytes, cutAt: cuts) != whole { Issue.record("round \(round), cut at \(cuts): \(bytes)") }
            }
            ends[whole.kind, default: 0] += 1
        }
        #expect(ends.count == 3 && ends.values.allSatisfy { $0 > 500 }, "\(ends)")
    }

    private enum End: Equatable {
        case complete(UpgradeRequestHead, rest: [UInt8])
        case refused(UpgradeRejection)
        case waiting

        var kind: String {
            switch self {
            case .complete: "complete"
            case .refused: "refused"
            case .waiting: "waiting"
            }
        }
    }

    private func end(of bytes: [UInt8], cutAt cuts: [Int]) -> End {
        var parser = UpgradeRequestParser(maximumSize: 120)
        let edges = [0] + cuts + [bytes.count]
        for (start, end) in zip(edges, edges.dropFirst()) {
            do throws(UpgradeRejection) {
                let progress = try Array(bytes[start..<end]).withUnsafeBufferPointer {
                    buffer throws(UpgradeRejection) in
                    try parser.parse(UnsafeRawBufferPointer(buffer))
                }
                if case .complete(let head, let rest) = progress { return .complete(head, rest: rest + bytes[end...]) }
            } catch {
                // The excerpt of another protocol depends on how much had arrived.
                let isExcerpt = error.message.hasPrefix("It is not HTTP")
                return .refused(isExcerpt ? UpgradeRejection(error.status, "") : error)
            }
        }
        return .waiting
    }
}

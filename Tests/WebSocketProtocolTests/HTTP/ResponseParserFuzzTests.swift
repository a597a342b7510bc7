import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct ResponseParserFuzzTests {
    private static let answers = [
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n\u{1}\u{2}hi",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 101\r\nA: b\r\n\r\n",
        "HTTP/1.1 403 Forbidden\nServer: s\nContent-Length: 10\n\nthe reason",
        "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nthe \r\n6\r\nreason\r\n0\r\n\r\n",
        "HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\nuntil the end",
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 3, 3\r\n\r\nno.",
        "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 204 \r\nVia: p\r\n\r\n",
    ]

    @Test("12,000 mutated answers come to one decision, however they are cut")
    func mutatedAnswers() {
        var generator = SeededGenerator(seed: 9)
        var decisions: [String: Int] = [:]
        for round in 0..<12_000 {
            let original = Array(Self.answers[round % Self.answers.count].utf8)
            let bytes = generator.mutate(original)
            let request: ResponseParser.Request = Bool.random(using: &generator) ? .upgrade : .connect
            let whole = ResponseParser.read(bytes, to: request, maximumHeadSize: 300, maximumBodySize: 8)
            for cuts in [Array(0...bytes.count), generator.cuts(bytes.count, maximum: 6)] {
                let cut = ResponseParser.read(
                    bytes, to: request, maximumHeadSize: 300, maximumBodySize: 8, cutAt: cuts)
                #expect(cut.withoutExcerpt == whole.withoutExcerpt, "round \(round), cut at \(cuts): \(bytes)")
                #expect(cut.lines == whole.lines, "round \(round)")
            }
            switch whole {
            case .switched(let head, _):
                decisions["switched", default: 0] += 1
                #expect(head.status.code == 101 || request == .connect && (200...299).contains(head.status.code))
            case .refused(let response, _):
                decisions["refused", default: 0] += 1
                #expect(response.body.count <= 8)
            case .violation: decisions["violation", default: 0] += 1
            case .nothing: decisions["nothing", default: 0] += 1
            }
        }
        // The mutations are worth something only when each end is reached often.
        #expect(decisions.count == 4 && decisions.values.allSatisfy { $0 > 300 }, "\(decisions)")
    }

    @Test("Random chunked bodies come out as they went in, however they are cut") func randomChunkedBodies() {
        var generator = SeededGenerator(seed: 10)
        for round in 0..<1_000 {
            let body = generator.bytes(Int.random(in: 0...2_000, using: &generator))
            let bytes =
                Array("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
                + Self.encode(body, using: &generator)
            let answer = ResponseParser.read(bytes, cutAt: generator.cuts(bytes.count, maximum: 20))
            guard case .refused(let response, isEarly: true) = answer else {
                Issue.record("round \(round): \(answer)")
                return
            }
            #expect(response.body == body, "round \(round)")
        }
    }

    private static func encode(_ body: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var encoded: [UInt8] = []
        var rest = body[...]
        repeat {
            let chunk = rest.prefix(Int.random(in: 1...300, using: &generator))
            rest = rest.dropFirst(chunk.count)
            let size = String(chunk.count, radix: 16, uppercase: Bool.random(using: &generator))
            encoded += String(repeating: "0", count: Int.random(in: 0...3, using: &generator)).utf8
            encoded += size.utf8
            if Bool.random(using: &generator) { encoded += " ;name=\"value\";x".utf8 }
            encoded += "\r\n".utf8
            encoded += chunk
            if !chunk.isEmpty { encoded += "\r\n".utf8 }
            if chunk.isEmpty { return encoded + Array("Trailer: 5\r\n\r\n".utf8) }
        } while true
    }

    @Test("Mutated chunks give what a decoder that sees all of them gives") func mutatedChunks() {
        var generator = SeededGenerator(seed: 11)
        var malformed = 0
        for round in 0..<3_000 {
            let body = generator.bytes(Int.random(in: 0...60, using: &generator))
            let bytes = generator.mutate(Self.encode(body, using: &generator))
            let reference = Self.decode(bytes)
            if reference.isMalformed { malformed += 1 }
            let head = Array("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
            let cuts = generator.cuts(bytes.count, maximum: 5).map { $0 + head.count }
            let answer = ResponseParser.read(head + bytes, cutAt: cuts)
            #expect(answer.refused?.body == reference.data, "round \(round): \(bytes)")
        }
        #expect(malformed > 500)
    }

    /// RFC 9112 section 7.1 the slow way: whole lines, one after the other.
    private static func decode(_ bytes: [UInt8]) -> (data: [UInt8], isMalformed: Bool) {
        var data: [UInt8] = []
        var rest = bytes[...]
        while let newline = rest.firstIndex(of: 0x0A) {
            var line = rest[..<newline]
            if line.last == 0x0D { line = line.dropLast() }
            if line.contains(0x0D) { return (data, true) }
            let digits = line.prefix { byte in "0123456789abcdefABCDEF".utf8.contains(byte) }
            let blanks = line[digits.endIndex...].prefix { $0 == 0x20 || $0 == 0x09 }
            guard !digits.isEmpty, blanks.endIndex == line.endIndex || line[blanks.endIndex] == UInt8(ascii: ";") else {
                return (data, true)
            }
            let significant = digits.drop { $0 == UInt8(ascii: "0") }
            let size =
                significant.count > 15 ? Int.max : Int(String(decoding: significant, as: UTF8.self), radix: 16) ?? 0
            rest = rest[(newline + 1)...]
            if size == 0 { return (data, false) }
            data += rest.prefix(size)
            rest = rest.dropFirst(size)
            if rest.isEmpty { return (data, false) }
            if rest.first == 0x0D { rest = rest.dropFirst() }
            if rest.isEmpty { return (data, false) }
            guard rest.first == 0x0A else { return (data, true) }
            rest = rest.dropFirst()
        }
        return (data, false)
    }
}

import HTTPTypes
import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct ResponseBodyTests {
    private static let chunked = "Transfer-Encoding: chunked"

    /// - Parameter isEarly: The refusal is to be complete before the stream ends.
    private func expect(
        _ body: String, from headers: String, _ sent: String, isEarly: Bool, status: String = "HTTP/1.1 403 No",
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let text = "\(status)\r\n\(headers)\r\n\r\n\(sent)"
        for cut in 0...text.utf8.count {
            let answer = ResponseParser.read(text, cutAt: [cut])
            guard case .refused(let response, isEarly: isEarly) = answer else {
                Issue.record("cut at \(cut): \(answer)", sourceLocation: sourceLocation)
                return
            }
            #expect(String(decoding: response.body, as: UTF8.self) == body, sourceLocation: sourceLocation)
        }
    }

    // MARK: - Length

    @Test("A body has the length that the head says") func bodyHasItsLength() {
        expect("why?", from: "Content-Length: 4", "why?", isEarly: true)
        expect("why?", from: "Content-Length: 4", "why? and more", isEarly: true)
        expect("why?", from: "Content-Length: 0004", "why?", isEarly: true)
        expect("", from: "Content-Length: 0", "more", isEarly: true)
        expect("why?", from: "Content-Length: 4\r\nContent-Length: 4", "why?", isEarly: true)
        expect("why?", from: "Content-Length: 4, 4 ,04", "why?", isEarly: true)
        expect("why?", from: "Content-Length: 9223372036854775807", "why?", isEarly: false)
    }

    @Test("A body without a length lasts until the end of the stream") func bodyWithoutLengthLasts() {
        expect("why? and more", from: "Server: s", "why? and more", isEarly: false)
        expect("why?", from: "Transfer-Encoding: gzip", "why?", isEarly: false)
        expect("4\r\nwhy?", from: "Transfer-Encoding: chunked, gzip", "4\r\nwhy?", isEarly: false)
        expect("4\r\nwhy?", from: "Transfer-Encoding: chunked;q=1", "4\r\nwhy?", isEarly: false)
        expect("4\r\nwhy?", from: Self.chunked, "4\r\nwhy?", isEarly: false, status: "HTTP/1.0 403 No")
    }

    @Test(
        "204 and 304 have no body, whatever the head says",
        arguments: ["HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified"])
    func statusWithoutBody(status: String) {
        for headers in ["Server: s", "Content-Length: 5", "Content-Length: x", Self.chunked] {
            expect("", from: headers, "more", isEarly: true, status: status)
            expect("", from: headers, "", isEarly: true, status: status)
        }
    }

    @Test(
        "What is not one length leaves the status, and the body ends with the connection",
        arguments: [
            "-1", "+4", "4 4", "4,5", "0x4", "4.0", "", ",", "a", "٤", "9223372036854775808",
            "99999999999999999999999", "4\r\nContent-Length: 5", "4\r\nContent-Length: ", "4;",
        ])
    func notOneLengthKeepsStatus(value: String) {
        // An empty line besides a good one says nothing.
        let isOneLength = value.hasPrefix("4\r\nContent-Length: ") && !value.hasSuffix("5")
        expect("why?", from: "Content-Length: \(value)", "why?", isEarly: isOneLength)
    }

    @Test("Of a body, the limit and no more is kept, and then it is over") func bodyIsKeptToTheLimit() {
        let body = [UInt8](repeating: 0x78, count: 70_000)
        let heads = [
            "Content-Length: 70000", "Server: s", "\(Self.chunked)\r\n\r\n11170", "\(Self.chunked)\r\n\r\nffffffff",
        ]
        for head in heads {
            let separator = head.contains("chunked") ? "\r\n" : "\r\n\r\n"
            let bytes = Array("HTTP/1.1 500 Oops\r\n\(head)\(separator)".utf8) + body
            for cuts in [[], [100], [bytes.count - 10], Array(1..<bytes.count)] {
                let answer = ResponseParser.read(bytes, cutAt: cuts)
                guard case .refused(let response, isEarly: true) = answer else {
                    Issue.record("\(head), \(cuts.count) cuts: not decided before the end")
                    continue
                }
                #expect(response.body.count == 65_536)
            }
        }
        let exact = Array("HTTP/1.1 500 Oops\r\nContent-Length: 8\r\n\r\n12345678".utf8)
        #expect(ResponseParser.read(exact, maximumBodySize: 8).refused?.body.count == 8)
        #expect(ResponseParser.read(exact, maximumBodySize: 7).refused?.body.count == 7)
        #expect(ResponseParser.read(exact, maximumBodySize: 0).refused?.body.count == 0)
    }

    // MARK: - Chunks

    @Test(
        "Chunks are put together, without extensions and trailers",
        arguments: [
            ("4\r\nthe \r\n6\r\nreason\r\n0\r\n\r\n", "the reason"),
            ("4\nthe \n6\nreason\n0\n\n", "the reason"),
            ("0\r\n\r\n", ""),
            ("0;a=b\r\nTrailer: x\r\n\r\n", ""),
            ("A\r\nthe reason\r\n0\r\n", "the reason"),
            ("a;name=value\r\nthe reason\r\n0\r\n\r\n", "the reason"),
            ("a ; name=\"a;b\" ;c\r\nthe reason\r\n0\r\nX: y\r\n\r\n", "the reason"),
            ("00000000000000000000000000a\r\nthe reason\r\n000\r\n", "the reason"),
            ("a \t\r\nthe reason\r\n0 \r\n", "the reason"),
        ])
    func chunksArePutTogether(sent: String, body: String) {
        expect(body, from: Self.chunked, sent, isEarly: true)
        expect(body, from: "Transfer-Encoding: gzip\r\nTRANSFER-ENCODING: ,Chunked,", sent, isEarly: true)
        // Section 6.3: the coding overrides the length, right or wrong.
        expect(body, from: "\(Self.chunked)\r\nContent-Length: 3", sent, isEarly: true)
        expect(body, from: "\(Self.chunked)\r\nContent-Length: x", sent, isEarly: true)
    }

    @Test(
        "The size of a chunk can be any number",
        arguments: [
            "7fffffff", "80000000", "ffffffff", "100000000", "7fffffffffffffff", "8000000000000000", "ffffffffffffffff",
            "10000000000000000", "fffffffffffffffffffffffffffffff0", "8000000000000000000000000000000a",
        ])
    func chunkSizeCanBeAnyNumber(size: String) {
        expect("all that came", from: Self.chunked, "\(size)\r\nall that came", isEarly: false)
        expect("all\r\n0\r\n\r\n", from: Self.chunked, "\(size);x\r\nall\r\n0\r\n\r\n", isEarly: false)
        expect("before all", from: Self.chunked, "7\r\nbefore \r\n\(size)\r\nall", isEarly: false)
    }

    @Test(
        "Chunks that break HTTP end the body at once, and the head stays",
        arguments: [
            "x\r\n", "-1\r\n", "+4\r\n", " 4\r\n", "0x4\r\n", "\r\n", ";a\r\n", "4 4\r\n", "4\r4\n", "4\u{0}\r\n",
            "4g\r\n",
            "4;a\rb\r\n",
        ])
    func brokenChunksEndBody(size: String) {
        expect("", from: Self.chunked, size, isEarly: true)
        expect("good", from: Self.chunked, "4\r\ngood\r\n\(size)", isEarly: true)
    }

    @Test(
        "Data that is longer than its chunk ends the body at once",
        arguments: ["good and more", "good\r\r\n", "good0\r\n", "good\rx"])
    func dataBeyondChunkEndsBody(data: String) {
        expect("good", from: Self.chunked, "4\r\n\(data)", isEarly: true)
    }

    @Test("Extensions cannot go on for ever") func extensionsAreBounded() {
        let head = Array("HTTP/1.1 403 No\r\n\(Self.chunked)\r\n\r\n4\r\ngood\r\n4;".utf8)
        let bytes = head + [UInt8](repeating: 0x61, count: 8 * 1_024)
        for cuts in [[], [head.count], [5_000], Array(1..<bytes.count)] {
            let answer = ResponseParser.read(bytes, maximumBodySize: 1_024, cutAt: cuts)
            guard case .refused(let response, isEarly: true) = answer else {
                Issue.record("\(cuts.count) cuts: not decided before the end")
                continue
            }
            #expect(response.body == Array("good".utf8))
        }
        // As many chunks of one byte as bytes are kept fit.
        let tiny = String(repeating: "1\r\nx\r\n", count: 1_024)
        let answer = ResponseParser.read(
            Array("HTTP/1.1 403 No\r\n\(Self.chunked)\r\n\r\n\(tiny)".utf8), maximumBodySize: 1_024)
        #expect(answer.refused?.body.count == 1_024)
    }
}

import HTTPTypes
import Testing

@testable import LibWebSockets

@Suite struct ResponseHeadTests {
    private func parse(_ text: String) -> ResponseHead? {
        parse(Array(text.utf8))
    }

    private func parse(_ bytes: [UInt8]) -> ResponseHead? {
        bytes.withUnsafeBytes { ResponseHead(bytes: $0) }
    }

    @Test("Status and headers come in the server's order and spelling, repeated ones each for themselves")
    func wellFormed() throws {
        let head = try #require(
            parse(
                """
                HTTP/1.1 101 Switching Protocols\r
                uPgRaDe: websocket\r
                X-Unknown-To-Libwebsockets: yes\r
                Set-Cookie: a=1; Path=/\r
                Date: Mon, 23 Nov 2026 02:53:38 GMT\r
                Set-Cookie: b=2\r
                Empty:\r
                \r\n
                """))
        #expect(head.status == 101)
        #expect(
            head.headers.map { "\($0.name.rawName): \($0.value)" } == [
                "uPgRaDe: websocket",
                "X-Unknown-To-Libwebsockets: yes",
                "Set-Cookie: a=1; Path=/",
                "Date: Mon, 23 Nov 2026 02:53:38 GMT",
                "Set-Cookie: b=2",
                "Empty: ",
            ])
        #expect(head.headers[values: .setCookie] == ["a=1; Path=/", "b=2"])
    }

    @Test("What follows the head is not looked at, whatever it is")
    func bytesBehindTheHead() throws {
        let frames: [UInt8] = [0x81, 0x05] + Array("X: y\n".utf8) + [0x0D, 0x0A, 0x0D, 0x0A, 0xFF, 0x00]
        let head = try #require(parse(Array("HTTP/1.1 101 OK\r\nA: b\r\n\r\n".utf8) + frames))
        #expect(head == ResponseHead(status: 101, headers: [HTTPField.Name("A")!: "b"]))
    }

    @Test(
        "Variations that RFC 9112 allows",
        arguments: [
            ("HTTP/1.1 404 \r\nA: b\r\n\r\n", 404, "b"),
            ("HTTP/1.1 404\r\nA: b\r\n\r\n", 404, "b"),
            ("HTTP/1.0 200 OK\r\nA: b\r\n\r\n", 200, "b"),
            ("HTTP/1.1 503 A: B: C\r\nA:b\r\n\r\n", 503, "b"),
            ("HTTP/1.1 200 OK\r\nA: \t  b\r\n\r\n", 200, "b"),
            ("HTTP/1.1 200 OK\r\nA: b \t \r\n\r\n", 200, "b"),
            ("HTTP/1.1 200 OK\r\nA: b:c: d\r\n\r\n", 200, "b:c: d"),
        ])
    func allowed(text: String, status: Int, value: String) throws {
        let head = try #require(parse(text))
        #expect(head.status == status)
        #expect(head.headers[HTTPField.Name("A")!] == value)
    }

    @Test(
        "No head where there is none: nothing is guessed",
        arguments: [
            "",
            "\r\n\r\n",
            "HTTP/1.1 101",
            "HTTP/1.1 101 Switching Protocols\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
            "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n\n",
            "HTTP/2 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
            "http/1.1 101 Switching Protocols\r\n\r\n",
            " HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n",
            "HTTP/1.1 one Switching Protocols\r\n\r\n",
            "HTTP/1.1 99999999999999999999 Large\r\n\r\n",
            "HTTP/1.1 \r\nUpgrade: websocket\r\n\r\n",
            "TTP/1.1 101 a stale rest of a longer head\r\n\r\n",
        ])
    func noHead(text: String) {
        #expect(parse(text) == nil)
    }

    @Test(
        "A malformed line is left out; it spoils neither its neighbours nor the status",
        arguments: [
            "no colon", ": no name", "Bad Name: x", "Space-Before-Colon : x", " folded: line", "\tfolded line",
            "Nul\0Name: x", "Ünïcode: x", "Cr\rName: x", "",
        ])
    func malformedLines(line: String) throws {
        let middle = line.isEmpty ? "" : "\(line)\r\n"
        let head = try #require(parse("HTTP/1.1 101 OK\r\nBefore: 1\r\n\(middle)After: 2\r\n\r\n"))
        #expect(head.status == 101)
        #expect(head.headers.map { "\($0.name.rawName): \($0.value)" } == ["Before: 1", "After: 2"])
    }

    @Test(
        "A value cannot smuggle control characters into what the program sees",
        arguments: [("a\0b", "a b"), ("a\rSet-Cookie: evil", "a Set-Cookie: evil"), ("a\u{1}b", "a b")])
    func controlCharactersInValues(value: String, seen: String) throws {
        let head = try #require(parse("HTTP/1.1 200 OK\r\nA: \(value)\r\nB: 2\r\n\r\n"))
        #expect(head.headers.map(\.value) == [seen, "2"])
    }

    @Test("Values that are not ASCII arrive as UTF-8, those that are not even that with replacement characters")
    func nonASCII() throws {
        let valid = try #require(parse("HTTP/1.1 200 OK\r\nA: grüß 🙂\r\n\r\n"))
        #expect(valid.headers[HTTPField.Name("A")!] == "grüß 🙂")
        let latin1 = try #require(
            parse(Array("HTTP/1.1 200 OK\r\nA: gr".utf8) + [0xFC] + Array("n\r\nB: 2\r\n\r\n".utf8)))
        #expect(latin1.headers.map(\.value) == ["gr\u{FFFD}n", "2"])
    }

    @Test("Every proper prefix of a head is no head")
    func truncated() {
        let bytes = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSet-Cookie: a\r\n\r\n".utf8)
        for count in 0..<bytes.count { #expect(parse(Array(bytes[..<count])) == nil, "\(count) bytes") }
        #expect(parse(bytes) != nil)
    }

    @Test("As many headers as the head's limit has room for")
    func manyHeaders() throws {
        let lines = (0..<3_000).map { "h\($0): v\r\n" }.joined()
        let head = try #require(parse("HTTP/1.1 101 OK\r\n\(lines)\r\n"))
        #expect(head.headers.count == 3_000)
    }
}

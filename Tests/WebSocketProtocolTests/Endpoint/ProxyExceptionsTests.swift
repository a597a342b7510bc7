import Testing
import WebSocketProtocol

@Suite struct ProxyExceptionsTests {
    /// Values of `NO_PROXY`, with the servers that they except and those that they do not.
    private static let rows: [(list: String, excepted: [String], others: [String])] = [
        ("", [], ["ws://example.test"]),
        (" ,\t, ", [], ["ws://example.test", "ws://127.0.0.1"]),
        ("*", ["ws://example.test", "wss://[::1]:9", "ws://192.0.2.1"], []),
        ("other.test, *", ["ws://example.test"], []),
        (
            "example.test", ["ws://example.test", "ws://a.example.test", "wss://a.b.EXAMPLE.test:9/x"],
            ["ws://badexample.test", "ws://example.test.evil", "ws://test"]
        ),
        (".example.test", ["ws://example.test", "ws://a.example.test"], ["ws://badexample.test"]),
        (
            "*.example.test", ["ws://a.example.test", "ws://a.b.example.test"],
            ["ws://example.test", "ws://badexample.test"]
        ),
        ("*.Example.Test:81", ["ws://a.example.test:81"], ["ws://a.example.test"]),
        ("EXAMPLE.test.", ["ws://example.test", "ws://example.test./", "ws://a.example.test"], ["ws://test"]),
        (
            "a.test b.test\tc.test,d.test", ["ws://a.test", "ws://b.test", "ws://c.test", "ws://d.test"],
            ["ws://e.test"]
        ),
        ("a.test ,, b.test ,", ["ws://a.test", "ws://b.test"], ["ws://c.test"]),
        ("example.test:8443", ["wss://example.test:8443", "ws://a.example.test:8443"], ["wss://example.test"]),
        ("example.test:443", ["wss://example.test"], ["ws://example.test"]),
        (
            "192.0.2.7", ["ws://192.0.2.7", "ws://192.0.2.7:99", "ws://[::ffff:192.0.2.7]"],
            ["ws://192.0.2.77", "ws://92.0.2.7"]
        ),
        ("192.0.2.7:81", ["ws://192.0.2.7:81"], ["ws://192.0.2.7"]),
        ("192.0.2.0/24", ["ws://192.0.2.0", "ws://192.0.2.255", "ws://[::ffff:c000:201]"], ["ws://192.0.3.0"]),
        ("192.0.2.129/25,", ["ws://192.0.2.128"], ["ws://192.0.2.127"]),
        ("10.0.0.0/7", ["ws://11.255.255.255", "ws://10.0.0.0"], ["ws://12.0.0.0", "ws://9.255.255.255"]),
        ("0.0.0.0/0", ["ws://203.0.113.1"], ["ws://[2001:db8::1]", "ws://example.test"]),
        ("192.0.2.7/32", ["ws://192.0.2.7"], ["ws://192.0.2.6"]),
        ("::1", ["ws://[::1]", "wss://[0:0:0:0:0:0:0:1]:9"], ["ws://[::2]", "ws://0.0.0.1"]),
        ("[::1]", ["ws://[::1]"], ["ws://[::2]"]),
        ("[::1]:81", ["ws://[::1]:81"], ["ws://[::1]"]),
        ("2001:DB8::/33", ["ws://[2001:db8:7fff::1]"], ["ws://[2001:db8:8000::1]", "ws://32.1.13.184"]),
        ("[2001:db8::]/32", ["ws://[2001:db8:ffff::1]"], ["ws://[2001:db9::1]"]),
        ("::/0", ["ws://[2001:db8::1]"], ["ws://203.0.113.1"]),
        ("::ffff:192.0.2.0/120", ["ws://192.0.2.9", "ws://[::ffff:192.0.2.9]"], ["ws://192.0.3.9"]),
        ("fe80::1%eth0", ["ws://[fe80::1%25eth0]", "ws://[fe80::1]"], ["ws://[fe80::2%25eth0]"]),
        ("0.2.7", [], ["ws://192.0.2.7"]),
        ("b\u{FC}cher.test", ["ws://xn--bcher-kva.test", "ws://b\u{FC}cher.test"], ["ws://bucher.test"]),
    ]

    @Test("The list excepts what curl and Go except", arguments: rows)
    func table(row: (list: String, excepted: [String], others: [String])) throws {
        let exceptions = ProxyExceptions(row.list)
        for url in row.excepted {
            #expect(exceptions.contains(try Endpoint(url)), "\(row.list) does not except \(url)")
        }
        for url in row.others {
            #expect(!exceptions.contains(try Endpoint(url)), "\(row.list) excepts \(url)")
        }
    }

    @Test(
        "What is no entry excepts nothing, and does not hide the next one",
        arguments: [
            ".", "..", "*.", "*.*", "*x", "/", "/24", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1",
            "1.2.3.4/99999999999999999999",
            "::/129", "::1/x", "[", "]", "[]", "[::1", "::1]", "[::1]x", "[::1]:", "[::1]:99999", "[1.2.3.4", ":",
            ":80", "a:", "a:b",
            "a:99999999999999999999", "a:65536", "1:2:3", "256.1.1.1", "1.2.3", "%", "\u{0}", "\u{FFFD}",
            "http://example.test/",
            "a\u{0}b", "*:80", String(repeating: "a", count: 300), String(repeating: ":", count: 1000),
            String(repeating: "[", count: 1000), "*." + String(repeating: ".", count: 100),
        ])
    func hostile(entry: String) throws {
        let exceptions = ProxyExceptions("\(entry),last.test")
        for url in ["ws://example.test", "ws://a", "ws://1.2.3.4", "ws://[::1]", "wss://[1:2:3::]"] where entry != "a:"
        {
            #expect(!exceptions.contains(try Endpoint(url)), "excepts \(url)")
        }
        #expect(exceptions.contains(try Endpoint("ws://last.test")))
    }

    @Test("Random bytes are read without a trap")
    func random() throws {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("aA1.:/[]*%, \t0f-_é".unicodeScalars)
        let endpoints = try ["ws://a.f", "ws://1.1.1.1", "ws://[::1]", "ws://a."].map { try Endpoint($0) }
        for _ in 0..<20_000 {
            var list = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...24, using: &generator) {
                list.append(alphabet.randomElement(using: &generator) ?? "a")
            }
            let exceptions = ProxyExceptions(String(list))
            for endpoint in endpoints { _ = exceptions.contains(endpoint) }
        }
    }
}

import Testing

@testable import LibWebSockets

@Suite struct TLSPeerNameTests {
    @Test(
        "A name that OpenSSL would misread never reaches it",
        arguments: [
            ("", "it is empty"), (".", "it is empty"), (".example.com", "empty label"), ("a..b", "empty label"),
            ("example.com..", "empty label"), ("a\0b", "no host name has"), ("a b", "no host name has"),
            ("*.example.com", "no host name has"), ("host:443", "no host name has"), ("[::1]", "no host name has"),
            (":", "no host name has"), (":dead", "no host name has"), ("::1\0", "no host name has"),
            ("bücher.example", "xn--"), ("127.1", "looks like an IP address"),
            ("2130706433", "looks like an IP address"),
            ("1.2.3.4.5", "looks like an IP address"), ("127.0.0.01", "looks like an IP address"),
            (String(repeating: "a", count: 64) + ".example", "63 characters"),
            (String(repeating: "a.", count: 127) + "aa", "253 characters"),
        ])
    func invalid(host: String, problem: String) throws {
        let error = #expect(throws: WebSocketError.self) { try TLSPeerName(host) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(problem) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("\0") == false)
    }

    @Test(
        "Names are compared in lower case and without the final dot",
        arguments: [
            ("Example.COM.", "example.com"), ("_srv.example", "_srv.example"), ("a-1", "a-1"),
            ("1and1.example", "1and1.example"),
        ])
    func dnsName(host: String, expected: String) throws {
        #expect(try TLSPeerName(host) == .dnsName(expected))
    }

    @Test(
        "Addresses are told from names and are the same in every spelling",
        arguments: [
            ("127.0.0.1", "127.0.0.1", 4), ("::1", "::1", 16), ("0:0:0:0:0:0:0:1", "::1", 16),
            ("2001:DB8:0:0::A", "2001:db8::a", 16), ("::ffff:1.2.3.4", "::ffff:1.2.3.4", 16),
            ("fe80::1%eth0", "fe80::1", 16),
        ])
    func address(host: String, text: String, count: Int) throws {
        guard case .ipAddress(let shown, let bytes) = try TLSPeerName(host) else {
            Issue.record("\(host) was taken for a name")
            return
        }
        #expect(shown == text)
        #expect(bytes.count == count)
    }
}

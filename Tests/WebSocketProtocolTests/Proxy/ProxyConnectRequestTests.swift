import Testing

@testable import WebSocketProtocol

@Suite struct ProxyConnectRequestTests {
    private func text(_ url: String, _ credentials: Endpoint.Credentials? = nil) throws -> String {
        String(decoding: try ProxyConnectRequest(target: Endpoint(url), credentials: credentials).bytes, as: UTF8.self)
    }

    @Test(
        "A tunnel is asked for by host and port",
        arguments: [
            ("wss://feed.example.com/stream?a=b", "feed.example.com:443"),
            ("ws://feed.example.com", "feed.example.com:80"),
            ("wss://feed.example.com:8443", "feed.example.com:8443"), ("wss://192.0.2.1", "192.0.2.1:443"),
            ("wss://[2001:DB8::1]:1/", "[2001:db8::1]:1"), ("wss://user:secret@a.test/", "a.test:443"),
        ])
    func tunnelIsAskedByHostAndPort(url: String, authority: String) throws {
        #expect(try text(url) == "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\r\n")
    }

    @Test("A host name of any length goes out whole") func longHostNamesGoOut() throws {
        let host = Array(repeating: String(repeating: "a", count: 62), count: 4).joined(separator: ".")
        #expect(try text("wss://\(host)/") == "CONNECT \(host):443 HTTP/1.1\r\nHost: \(host):443\r\n\r\n")
    }

    @Test("Credentials of any length go out whole", arguments: [0, 1, 2, 3, 93, 94, 95, 96, 1_000, 20_000])
    func longCredentialsGoOut(length: Int) throws {
        let credentials = Endpoint.Credentials(user: "user", password: String(repeating: "p", count: length))
        let lines = try text("wss://a.test", credentials).components(separatedBy: "\r\n")
        #expect(lines.count == 5)
        #expect(lines[2].hasPrefix("Proxy-Authorization: Basic "))
        let decoded = try #require(Base64.decode(lines[2].dropFirst("Proxy-Authorization: Basic ".count)))
        #expect(decoded == Array("user:\(credentials.password)".utf8))
    }

    @Test(
        "Credentials that would break the request are refused, and not shown",
        arguments: [
            ("us:er", "password"), ("user\r\nX: y", "password"), ("user", "pass\nword"), ("user", "\u{0}"),
            ("user", "\u{7F}"),
        ])
    func breakingCredentialsAreRefused(user: String, password: String) {
        let error = #expect(throws: InvalidProxyRequest.self) {
            try text("wss://a.test", Endpoint.Credentials(user: user, password: password))
        }
        #expect(
            error?.description == "The user name for the proxy has a colon, or it or the password a control character: "
                + "Basic authorization cannot carry that (RFC 7617 section 2).")
    }

    @Test("An address that means something on this machine only is refused") func localAddressIsRefused() {
        let error = #expect(throws: InvalidProxyRequest.self) { try text("wss://[fe80::1%25eth0]/") }
        #expect(
            error?.description
                == "The address fe80::1 has the zone \"eth0\", which means something on this machine only: "
                + "connect to it without a proxy (RFC 6874 section 4).")
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [Substring] {
        split(separator: separator, omittingEmptySubsequences: false)
    }
}

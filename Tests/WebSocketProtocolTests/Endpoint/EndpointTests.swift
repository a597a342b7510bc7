import Testing

@testable import WebSocketProtocol

@Suite struct EndpointTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let url: String
        let isSecure: Bool
        let host: String
        var zone: String?
        let port: Int
        let target: String
        let hostHeader: String
        /// `nil`: the URL as it is.
        var description: String?
        var kind = Endpoint.HostKind.name

        var testDescription: String { url }
    }

    static let rows: [Row] = [
        Row(
            url: "wss://example.com/chat", isSecure: true, host: "example.com", port: 443, target: "/chat",
            hostHeader: "example.com"),
        Row(
            url: "ws://example.com/chat", isSecure: false, host: "example.com", port: 80, target: "/chat",
            hostHeader: "example.com"),
        Row(
            url: "WSS://Example.COM:8443/Chat", isSecure: true, host: "example.com", port: 8443, target: "/Chat",
            hostHeader: "example.com:8443", description: "wss://example.com:8443/Chat"),
        Row(
            url: "https://example.com/x", isSecure: true, host: "example.com", port: 443, target: "/x",
            hostHeader: "example.com", description: "wss://example.com/x"),
        Row(
            url: "http://example.com", isSecure: false, host: "example.com", port: 80, target: "/",
            hostHeader: "example.com", description: "ws://example.com/"),
        Row(
            url: "wss://example.com", isSecure: true, host: "example.com", port: 443, target: "/",
            hostHeader: "example.com", description: "wss://example.com/"),
        Row(
            url: "wss://example.com?token=a%20b&x[]=1", isSecure: true, host: "example.com", port: 443,
            target: "/?token=a%20b&x[]=1", hostHeader: "example.com",
            description: "wss://example.com/?token=a%20b&x[]=1"),
        Row(
            url: "wss://example.com:443/", isSecure: true, host: "example.com", port: 443, target: "/",
            hostHeader: "example.com", description: "wss://example.com/"),
        Row(
            url: "ws://example.com:443/", isSecure: false, host: "example.com", port: 443, target: "/",
            hostHeader: "example.com:443"),
        Row(
            url: "wss://example.com:80/", isSecure: true, host: "example.com", port: 80, target: "/",
            hostHeader: "example.com:80"),
        Row(
            url: "ws://example.com:/a", isSecure: false, host: "example.com", port: 80, target: "/a",
            hostHeader: "example.com", description: "ws://example.com/a"),
        Row(
            url: "ws://example.com:00080/a", isSecure: false, host: "example.com", port: 80, target: "/a",
            hostHeader: "example.com", description: "ws://example.com/a"),
        Row(
            url: "ws://h:65535/", isSecure: false, host: "h", port: 65535, target: "/", hostHeader: "h:65535"),
        Row(
            url: "wss://example.com/a%2Fb/%e4%BD%A0/../c//d?q=%23&r=a+b?c/d", isSecure: true, host: "example.com",
            port: 443, target: "/a%2Fb/%e4%BD%A0/../c//d?q=%23&r=a+b?c/d", hostHeader: "example.com"),
        Row(
            url: "wss://example.com/100%?q={\"a\":1}|^`\\<>", isSecure: true, host: "example.com", port: 443,
            target: "/100%?q={\"a\":1}|^`\\<>", hostHeader: "example.com"),
        Row(
            url: "wss://example.com/?", isSecure: true, host: "example.com", port: 443, target: "/?",
            hostHeader: "example.com"),
        Row(
            url: "wss://my_host-1.internal.:9/x", isSecure: true, host: "my_host-1.internal.", port: 9, target: "/x",
            hostHeader: "my_host-1.internal.:9"),
        Row(
            url: "wss://xn--bcher-kva.example/", isSecure: true, host: "xn--bcher-kva.example", port: 443, target: "/",
            hostHeader: "xn--bcher-kva.example"),
        Row(
            url: "ws://127.0.0.1:9000/", isSecure: false, host: "127.0.0.1", port: 9000, target: "/",
            hostHeader: "127.0.0.1:9000", kind: .ipv4),
        Row(
            url: "ws://1.2.3.4.example/", isSecure: false, host: "1.2.3.4.example", port: 80, target: "/",
            hostHeader: "1.2.3.4.example"),
        Row(
            url: "wss://[::1]/", isSecure: true, host: "::1", port: 443, target: "/", hostHeader: "[::1]", kind: .ipv6),
        Row(
            url: "wss://[2001:DB8::9]:8443/x?y", isSecure: true, host: "2001:db8::9", port: 8443, target: "/x?y",
            hostHeader: "[2001:db8::9]:8443", description: "wss://[2001:db8::9]:8443/x?y", kind: .ipv6),
        Row(
            url: "ws://[::ffff:192.0.2.1]", isSecure: false, host: "::ffff:192.0.2.1", port: 80, target: "/",
            hostHeader: "[::ffff:192.0.2.1]", description: "ws://[::ffff:192.0.2.1]/", kind: .ipv6),
        Row(
            url: "ws://[fe80::1%25eth0]:1/", isSecure: false, host: "fe80::1", zone: "eth0", port: 1, target: "/",
            hostHeader: "[fe80::1]:1", kind: .ipv6),
        Row(
            url: "ws://[fe80::1%eth0]/", isSecure: false, host: "fe80::1", zone: "eth0", port: 80, target: "/",
            hostHeader: "[fe80::1]", description: "ws://[fe80::1%25eth0]/", kind: .ipv6),
        Row(
            url: "ws://[fe80::1%2]/", isSecure: false, host: "fe80::1", zone: "2", port: 80, target: "/",
            hostHeader: "[fe80::1]", description: "ws://[fe80::1%252]/", kind: .ipv6),
    ]

    @Test("A URL comes apart exactly", arguments: rows)
    func urlComesApart(row: Row) throws {
        let endpoint = try Endpoint(row.url)
        #expect(endpoint.isSecure == row.isSecure)
        #expect(endpoint.host == row.host)
        #expect(endpoint.zone == row.zone)
        #expect(endpoint.port == row.port)
        #expect(endpoint.target == row.target)
        #expect(endpoint.hostHeader == row.hostHeader)
        #expect(endpoint.hostKind == row.kind)
        #expect(endpoint.credentials == nil)
        #expect(endpoint.description == row.description ?? row.url)
        #expect(try Endpoint(endpoint.description) == endpoint)
    }

    @Test(
        "A URL that cannot be used is refused with what is wrong and where",
        arguments: [
            ("", "The URL does not begin with wss:// or ws://."),
            ("example.com/chat", "The URL does not begin with wss:// or ws://."),
            ("wss:example.com", "The URL does not begin with wss:// or ws://."),
            ("wss:/example.com", "The URL does not begin with wss:// or ws://."),
            ("://example.com", "The URL's scheme is \"\": only wss and ws (https and http) can be used."),
            ("ftp://example.com", "The URL's scheme is \"ftp\""),
            ("wss+unix://x", "The URL's scheme is \"wss+unix\""),
            (" wss://example.com", "The URL has a space at byte 0"),
            ("wss://example.com/a b", "The URL has a space at byte 19: percent-encode it"),
            ("wss://example.com/a\tb", "a control character at byte 19"),
            ("wss://example.com/a\r\nHost: evil", "a control character at byte 19"),
            ("wss://example.com/\u{0}", "a control character at byte 18"),
            ("wss://example.com/\u{7F}", "a control character at byte 18"),
            ("wss://example.com\r\n", "a control character at byte 17"),
            ("wss://exä%41mple.com/", "The URL's host has \"%\" at byte 10, which no host name has"),
            ("wss://ü@example.com/", "The user name or password in the URL has a character at byte 6"),
            ("wss://[::ü]/", "is no IPv6 address"),
            ("wss://example.com:٣/", "The URL's port at byte 18"),
            ("wss://example.com/ü", "a character that is not ASCII at byte 18"),
            ("wss://example.com/#top", "The URL has a fragment at byte 18: a WebSocket URL must not"),
            ("wss://example.com/a?b#", "a fragment at byte 21"),
            ("wss://example.com#x", "a fragment at byte 17"),
            ("wss://", "The URL has no host at byte 6."),
            ("wss:///path", "The URL has no host at byte 6."),
            ("wss://:443/", "The URL has no host at byte 6."),
            ("wss://user@/", "The URL has no host at byte 11."),
            ("wss://example.com:0/", "The URL's port at byte 18 is not a number from 1 to 65535."),
            ("wss://example.com:65536/", "The URL's port at byte 18"),
            ("wss://example.com:-1/", "The URL's port at byte 18"),
            ("wss://example.com:+1/", "The URL's port at byte 18"),
            ("wss://example.com:99999999999999999999/", "The URL's port at byte 18"),
            ("wss://example.com:80:80/", "The URL's host at byte 6 has several colons"),
            ("wss://::1/", "several colons: an IPv6 address goes in brackets, as in wss://[::1]/."),
            ("wss://2001:db8::9/", "The URL's host at byte 6 has several colons"),
            ("wss://a\\b/", "The URL's host has \"\\\\\" at byte 7, which no host name has"),
            ("wss://a%2fb/", "The URL's host has \"%\" at byte 7"),
            ("wss://a|b/", "The URL's host has \"|\" at byte 7"),
            ("wss://../", "The URL's host \"..\" has nothing between two dots"),
            ("wss://./", "The URL's host"),
            ("wss://.example.com/", "\".example.com\" has nothing between two dots, or in front"),
            ("wss://example..com/", "\"example..com\" has nothing between two dots"),
            ("wss://example.com../", "\"example.com..\" has nothing between two dots"),
            ("wss://127.1/", "ends in a number but is no IPv4 address"),
            ("wss://256.0.0.1/", "ends in a number but is no IPv4 address"),
            ("wss://010.0.0.1/", "ends in a number but is no IPv4 address"),
            ("wss://0x7f.0.0.1/", "ends in a number but is no IPv4 address"),
            ("wss://1.2.3.0x4/", "ends in a number but is no IPv4 address"),
            ("wss://2130706433/", "ends in a number but is no IPv4 address"),
            ("wss://1.2.3.4./", "ends in a number but is no IPv4 address"),
            ("wss://./", "The URL's host is 1 bytes long"),
            ("wss://\(String(repeating: "a", count: 254))/", "The URL's host is 254 bytes long: names have 1 to 253"),
            ("wss://[::1/", "an opening bracket at byte 6 only"),
            ("wss://[::1]x/", "neither a port nor a path after the bracket at byte 10"),
            ("wss://[::1]:x/", "The URL's port at byte 12"),
            ("wss://[]/", "\"\" at byte 7 of the URL is no IPv6 address"),
            ("wss://[:::1]/", "is no IPv6 address"),
            ("wss://[1::2::3]/", "is no IPv6 address"),
            ("wss://[1:2:3:4:5:6:7]/", "is no IPv6 address"),
            ("wss://[1:2:3:4:5:6:7:8:9]/", "is no IPv6 address"),
            ("wss://[1:2:3:4:5:6:7::8]/", "is no IPv6 address"),
            ("wss://[1:2:3:4:5:6:7::]/", nil),
            ("wss://[::]/", nil),
            ("wss://[1:2:3:4::5:6:7:8]/", "is no IPv6 address"),
            ("wss://[12345::]/", "is no IPv6 address"),
            ("wss://[::g]/", "is no IPv6 address"),
            ("wss://[::1.2.3]/", "is no IPv6 address"),
            ("wss://[1.2.3.4::]/", "is no IPv6 address"),
            ("wss://[v1.x]/", "is no IPv6 address"),
            ("wss://[127.0.0.1]/", "is no IPv6 address"),
            ("wss://[:1]/", "is no IPv6 address"),
            ("wss://[1:]/", "is no IPv6 address"),
            ("wss://[fe80::1%]/", "The zone of the IPv6 address at byte 7 of the URL is empty"),
            ("wss://[fe80::1%25a/b]/", "an opening bracket at byte 6 only"),
            ("wss://[fe80::1%25a%62]/", "The zone of the IPv6 address at byte 7"),
        ] as [(String, String?)])
    func unusableURLIsRefused(url: String, message: String?) {
        var failure: InvalidEndpoint?
        do { _ = try Endpoint(url) } catch { failure = error }
        guard let message else {
            #expect(failure == nil)
            return
        }
        #expect(failure?.description.contains(message) == true, "\(failure?.message ?? "accepted")")
    }

    /// The seed's `${prefix}//${hostname}:${port}/${name}/${suffixName}`.
    @Test(
        "An endpoint is made of a base URL, a port and a path",
        arguments: [
            ("https://www.example.com/app?x=1#/home", 9000, "live/xx", "wss://www.example.com:9000/live/xx"),
            ("http://www.example.com:8080/app", 9000, "/live", "ws://www.example.com:9000/live"),
            ("https://www.example.com:8080/app", nil, "live", "wss://www.example.com:8080/live"),
            ("https://www.example.com/", nil, "", "wss://www.example.com/"),
            ("https://www.example.com/", 443, "?room=1", "wss://www.example.com/?room=1"),
            ("https://user:secret@www.example.com/", nil, "a%20b?c=d", "wss://www.example.com/a%20b?c=d"),
            ("ws://[::1]:3000/#/标题", 1, "x", "ws://[::1]:1/x"),
            ("wss://api.example.com", nil, "//evil.example/x", "wss://api.example.com//evil.example/x"),
        ] as [(String, Int?, String, String)])
    func endpointOfBasePortAndPath(
        base: String, port: Int?, path: String, expected: String
    ) throws {
        let endpoint = try Endpoint(base: base, port: port, path: path)
        #expect(endpoint.description == expected)
        #expect(endpoint.credentials == nil)
        #expect(endpoint == (try Endpoint(expected)))
    }

    @Test(
        "A base URL, port or path that cannot be used is refused",
        arguments: [
            ("www.example.com", 1, "x", "The URL does not begin with wss:// or ws://."),
            ("https://www.exa mple.com", 1, "x", "The URL has a space at byte 15"),
            ("https://h", 0, "x", "Port 0 is out of range: ports are 1 to 65535."),
            ("https://h", 65536, "x", "Port 65536 is out of range"),
            ("https://h", -1, "x", "Port -1 is out of range"),
            ("https://h", 1, "a b", "The path has a space at byte 1: percent-encode it"),
            ("https://h", 1, "a\r\nX-Evil: 1", "The path has a control character at byte 1"),
            ("https://h", 1, "名字", "The path has a character that is not ASCII at byte 0"),
            ("https://h", 1, "a#b", "The path has a fragment at byte 1"),
        ] as [(String, Int?, String, String)])
    func unusablePartsAreRefused(
        base: String, port: Int?, path: String, message: String
    ) {
        var failure: InvalidEndpoint?
        do { _ = try Endpoint(base: base, port: port, path: path) } catch { failure = error }
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "accepted")")
    }

    @Test("Equal endpoints are those that lead to the same place") func equalEndpointsLeadToSamePlace() throws {
        #expect(try Endpoint("WSS://HOST:443") == Endpoint("wss://host/"))
        #expect(try Endpoint("wss://host/a") != Endpoint("wss://host/A"))
        #expect(try Endpoint("ws://host/") != Endpoint("wss://host/"))
    }
}

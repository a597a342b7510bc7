import Testing
import WebSocketProtocol

@testable import LibWebSockets

@Suite struct ProxyTests {
    @Test(
        "A proxy's URL comes apart",
        arguments: [
            ("http://proxy.test:3128", .http, "proxy.test", 3128, nil, nil),
            ("proxy.test:3128", .http, "proxy.test", 3128, nil, nil),
            ("proxy.test", .http, "proxy.test", 80, nil, nil),
            ("HTTP://Proxy.Test/", .http, "proxy.test", 80, nil, nil),
            ("socks5h://proxy.test", .socks5, "proxy.test", 1080, nil, nil),
            ("socks5://proxy.test:80", .socks5, "proxy.test", 80, nil, nil),
            ("SOCKS5H://[::1]:9050/", .socks5, "::1", 9050, nil, nil),
            ("http://[fe80::1%25eth0]:3128", .http, "fe80::1%eth0", 3128, nil, nil),
            ("socks5h://us%40er:p%3Aw@proxy.test", .socks5, "proxy.test", 1080, "us@er", "p:w"),
            ("user:secret@proxy.test:1", .http, "proxy.test", 1, "user", "secret"),
        ] as [(String, Proxy.Kind, String, Int, String?, String?)])
    func urls(url: String, kind: Proxy.Kind, host: String, port: Int, user: String?, password: String?) throws {
        let proxy = try Proxy(url)
        #expect(proxy.kind == kind)
        #expect(proxy.host == host)
        #expect(proxy.port == port)
        #expect(proxy.credentials?.user == user)
        #expect(proxy.credentials?.password == password)
        #expect(!"\(proxy)".contains("secret"))
        var dumped = ""
        dump(proxy, to: &dumped)
        #expect(!dumped.contains("secret"))
    }

    @Test(
        "A URL of another scheme, or of none that can be read, is refused without showing the password",
        arguments: [
            ("https://proxy.test", "\"https\": only http, socks5h, socks5 can be used"),
            ("socks4://proxy.test", "\"socks4\""),
            ("socks4a://proxy.test", "\"socks4a\""),
            ("ws://proxy.test", "\"ws\""),
            ("", "no host"),
            ("://", "\"\""),
            ("http://", "no host"),
            ("http://user:topsecret/more@proxy.test", "The URL's port at byte 12"),
            ("http://user:1/topsecret@proxy.test", "goes on behind host and port at byte 13"),
            ("http://proxy.test:1?topsecret", "goes on behind host and port at byte 19"),
            ("http://proxy test", "a space"),
            ("http://proxy.test:0", "port"),
        ])
    func unusable(url: String, reason: String) throws {
        let error = try #require(throws: WebSocketError.self) { try Proxy(url) }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.hasPrefix("the proxy cannot be used: "))
        #expect(error.message.contains(reason), "\(error.message)")
        #expect(!error.message.contains("topsecret"))
    }

    @Test(
        "A host that would lead elsewhere is refused",
        arguments: [
            "", "a@b", "proxy.test/x", "proxy.test?x", "proxy.test#", "proxy.test:80", "proxy.test\u{0}.evil", "a b",
            "[::1]", "1.2.3",
        ])
    func hosts(host: String) throws {
        let selection = ProxySelection.proxy(Proxy(host: host, port: 3128))
        let target = try Endpoint("ws://example.test")
        let error = try #require(throws: WebSocketError.self) { try selection.proxy(for: target, environment: [:]) }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.contains("its host"))
    }

    @Test("Whatever the length of its credentials, a configured proxy is used or refused, never passed by")
    func lengths() throws {
        let target = try Endpoint("ws://example.test")
        for kind in Proxy.Kind.allCases {
            for length in [0, 1, 91, 92, 93, 94, 95, 255, 256, 257, 4095, 4096, 100_000] {
                let credentials = Proxy.Credentials(user: "u", password: String(repeating: "x", count: length))
                let proxy = Proxy(kind, host: "proxy.test", port: 1, credentials: credentials)
                let fits = kind == .http ? length <= 4095 : (1...255).contains(length)
                if fits {
                    let chosen = try ProxySelection.proxy(proxy).proxy(for: target, environment: [:])
                    #expect(chosen == proxy)
                    _ = try ProxyTunnel(through: proxy, to: target)
                } else {
                    let error = #expect(throws: WebSocketError.self) { try proxy.checked(for: target) }
                    #expect(error?.code == .invalidConfiguration)
                }
            }
        }
    }

    @Test(
        "Credentials that the protocol cannot carry are refused",
        arguments: [("a:b", "c"), ("a\r\nX: y", "c"), ("a", "b\u{0}"), ("a", "b\u{7F}")])
    func credentials(user: String, password: String) throws {
        let proxy = Proxy(host: "proxy.test", port: 1, credentials: .init(user: user, password: password))
        let target = try Endpoint("ws://example.test")
        let error = try #require(throws: WebSocketError.self) { try proxy.checked(for: target) }
        #expect(error.message.contains("RFC 7617"))
    }

    @Test("The target's zone, which means nothing to a proxy, is refused")
    func zone() throws {
        let target = try Endpoint("ws://[fe80::1%25eth0]/")
        #expect(throws: WebSocketError.self) { try Proxy(host: "proxy.test", port: 1).checked(for: target) }
    }

    @Test(
        "The environment's variables choose the proxy",
        arguments: [
            ("wss://a.test", ["https_proxy": "http://p:1"], "http://p:1"),
            ("ws://a.test", ["https_proxy": "http://p:1"], nil),
            ("ws://a.test", ["http_proxy": "p:1", "ALL_PROXY": "http://q:1"], "http://p:1"),
            ("wss://a.test", ["http_proxy": "p:1", "ALL_PROXY": "http://q:1"], "http://q:1"),
            ("wss://a.test", ["https_proxy": "", "HTTPS_PROXY": "p:2"], "http://p:2"),
            ("ws://a.test", ["all_proxy": "p:1", "no_proxy": "", "NO_PROXY": "a.test"], nil),
            ("ws://a.test", ["all_proxy": "p:1", "no_proxy": "b.test", "NO_PROXY": "a.test"], "http://p:1"),
            ("ws://a.test", ["all_proxy": "p:1", "no_proxy": "b.test 192.0.2.0/24 *.test"], nil),
            ("ws://a.test", [:], nil),
        ] as [(String, [String: String], String?)])
    func environment(url: String, variables: [String: String], proxy: String?) throws {
        let chosen = try ProxySelection.fromEnvironment.proxy(for: Endpoint(url), environment: variables)
        #expect(chosen?.description == proxy)
        #expect(try ProxySelection.none.proxy(for: Endpoint(url), environment: variables) == nil)
    }

    @Test(
        "A variable that names no usable proxy is an error that names it, not a connection without",
        arguments: ["https://p", "p:0"])
    func unusableEnvironment(value: String) throws {
        let target = try Endpoint("ws://a.test")
        let error = try #require(throws: WebSocketError.self) {
            try ProxySelection.fromEnvironment.proxy(for: target, environment: ["ALL_PROXY": value])
        }
        #expect(error.message.contains("ALL_PROXY"))
    }
}

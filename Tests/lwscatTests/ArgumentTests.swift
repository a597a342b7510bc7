import ArgumentParser
import Testing
import WebSocketService

@testable import lwscat

@Suite("The command line")
struct ArgumentTests {
    private func connect(_ arguments: String...) throws -> Connect {
        try Connect.parse(arguments)
    }

    @Test("A URL alone connects, with secure defaults")
    func url() throws {
        let command = try connect("wss://example.com/")
        #expect(command.url == "wss://example.com/")
        #expect(command.acceptance.client(command.certificates) == TLSClientConfiguration())
    }

    @Test("Headers, cookies, origin and authorization go into the request")
    func headers() throws {
        let command = try connect(
            "-H", "X-One: 1", "-H", "X-Two:  a: b", "-H", "X-One: 2", "--cookie", "a=1", "--cookie", "b=2", "--origin",
            "https://example.com", "--auth", "user:pass:word", "wss://example.com/")
        let fields = command.request.fields
        #expect(fields[values: .init("X-One")!] == ["1", "2"])
        #expect(fields[.init("X-Two")!] == "a: b")
        #expect(fields[.cookie] == "a=1; b=2")
        #expect(fields[.origin] == "https://example.com")
        #expect(fields[.authorization] == "Basic dXNlcjpwYXNzOndvcmQ=")
    }

    @Test("Each insecure switch turns off one check")
    func insecure() throws {
        func tls(_ flag: String) throws -> TLSClientConfiguration {
            let command = try connect(flag, "wss://a/")
            return command.acceptance.client(command.certificates)
        }
        #expect(try tls("--insecure-untrusted-roots") == TLSClientConfiguration(insecureAcceptsUntrustedRoots: true))
        #expect(try tls("--insecure-any-hostname") == TLSClientConfiguration(insecureAcceptsAnyHostname: true))
        #expect(
            try tls("--insecure-expired-certificates")
                == TLSClientConfiguration(insecureAcceptsExpiredCertificates: true))
    }

    @Test("Authorities, identity, pins and name go into the TLS configuration")
    func tls() throws {
        let pin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        let command = try connect(
            "--ca", "ca.pem", "--cert", "c.pem", "--key", "k.pem", "--pin", pin, "--server-name", "b", "--minimum-tls",
            "1.3", "wss://a/")
        #expect(
            command.acceptance.client(command.certificates)
                == TLSClientConfiguration(
                    trustRoots: .pemFile("ca.pem"),
                    clientIdentity: .pemFiles(certificateChain: "c.pem", privateKey: "k.pem"), minimumVersion: .tls13,
                    pinnedKeys: [try SPKIPin(pin)], serverName: "b"))
    }

    @Test(
        "Addresses to listen on",
        arguments: [
            ("8080", "127.0.0.1", 8080), ("0", "127.0.0.1", 0), ("0.0.0.0:80", "0.0.0.0", 80), ("[::1]:9", "::1", 9),
            ("localhost:1", "localhost", 1),
        ])
    func listen(argument: String, host: String, port: Int) throws {
        let address = try #require(ListenAddress(argument: argument))
        #expect((address.host, address.port) == (host, port))
    }

    @Test("What is no address to listen on", arguments: ["", "65536", "-1", "::1:9", ":80", "a:b", "[]:1"])
    func noAddress(argument: String) {
        #expect(ListenAddress(argument: argument) == nil)
    }

    @Test("Waits and times", arguments: ["nan", "-1", "inf", "", "1e400", "soon"])
    func noTime(argument: String) {
        #expect(Seconds(argument: argument) == nil)
        #expect(Wait(argument: argument) == nil)
    }

    @Test("Waiting for ever has a word")
    func forever() {
        #expect(Wait(argument: "forever") == .forever)
        #expect(Wait(argument: "0.5") == .limited(.milliseconds(500)))
    }

    @Test("The reconnect policies")
    func reconnect() throws {
        #expect(ReconnectChoice(argument: "exponential")?.kind == .exponential)
        #expect(ReconnectChoice(argument: "fixed:0.25")?.delay == .milliseconds(250))
        #expect(ReconnectChoice(argument: "linear:x") == nil)
        #expect(ReconnectChoice(argument: "persistent:2")?.policy(maximumRetries: nil).isPersistent == true)
        #expect(ReconnectChoice(argument: "exponential")?.policy(maximumRetries: nil).isPersistent == false)
        #expect(ReconnectChoice(argument: "sometimes") == nil)
        #expect(try connect("--reconnect", "fixed", "--max-retries", "2", "ws://a/").session.maxRetries == 2)
    }

    @Test(
        "What cannot be meant is refused, with a reason",
        arguments: [
            ([], "URL"),
            (["ws://a/", "--listen", "1"], "not both"),
            (["--listen", "1", "--reconnect", "fixed"], "--reconnect"),
            (["--listen", "1", "--pin", "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="], "--pin"),
            (["--listen", "1", "--ca", "ca.pem"], "--ca needs --cert and --key"),
            (["--listen", "1", "--minimum-tls", "1.3"], "--minimum-tls needs --cert and --key"),
            (["ws://a/", "--cert", "c"], "--key"),
            (["ws://a/", "--auth", "u:p", "-H", "Authorization: x"], "--auth"),
            (["ws://a/", "--cookie", "a=b", "-H", "cookie: c=d"], "--cookie"),
            (["ws://a/", "--origin", "https://a", "-H", "Origin: https://b"], "--origin"),
            (["ws://a/", "--auth", "nobody"], "--auth"),
            (["ws://a/", "-H", "no colon"], "'no colon'"),
            (["ws://a/", "--max-messages", "0"], "--max-messages"),
            (["ws://a/", "--max-retries", "1"], "--reconnect"),
            (["ws://a/", "--close-code", "1005"], "--close-code"),
            (["ws://a/", "--close-code", "70000"], "--close-code"),
            (["ws://a/", "--close-reason", String(repeating: "ü", count: 62)], "123"),
            (["ws://a/", "--pin", "sha256/abc"], "--pin"),
            (["ws://a/", "--proxy", "ftp://x"], "--proxy"),
            (["ws://a/", "--ping", "0"], "--ping"),
        ] as [([String], String)])
    func refused(arguments: [String], reason: String) {
        do {
            _ = try Connect.parse(arguments)
            Issue.record("accepted: \(arguments)")
        } catch {
            #expect(Connect.exitCode(for: error).rawValue == 64)
            #expect(Connect.message(for: error).contains(reason))
        }
    }

    @Test("Lines are cut wherever the bytes were")
    func lines() {
        var splitter = LineSplitter()
        #expect(splitter.add(Array("one\ntw".utf8)) == ["one"])
        #expect(splitter.add(Array("o\r\n\nthr".utf8)) == ["two", ""])
        #expect(splitter.finish() == "thr")
        #expect(splitter.finish() == nil)
        #expect(splitter.add([0xFF, 0x0A]) == ["\u{FFFD}"])
    }
}

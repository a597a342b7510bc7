import Foundation
import LibWebSockets
import Testing
import WebSocketTesting

@Suite("lwscat's options for TLS, the way to the server and the output", .needsEchoServer, .timeLimit(.minutes(10)))
struct LwscatOptionsTests {
    private static let echo: WebSocketServer.Handler = { socket, _ in
        for try await message in socket.messages { try await socket.send(message) }
    }
    private static let oneMessage = ["-x", "hello", "--max-messages", "1"]

    /// A directory for files that lwscat reads, with the authority's certificate.
    private func withFiles<Result>(
        _ authority: CertificateAuthority,
        _ body: (_ directory: String, _ authority: String) async throws -> Result
    ) async throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appending(path: "lwscat-options-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        return try await body(directory.path, try authority.write(to: directory.path))
    }

    @Test("--cert and --key show a server that demands it who connects; without them it is a failure of TLS")
    func clientCertificate() async throws {
        let authority = try CertificateAuthority()
        let certificate = try authority.issue(names: ["localhost"])
        let tls = TLSServerConfiguration(
            identity: certificate.identity, clientCertificates: .required(.pem(authority.certificatePEM)))
        let configuration = WebSocketServer.Configuration(tls: tls)
        let server = try await TestServer.start(configuration: configuration) { socket, _ in
            try await socket.send(socket.tls?.peerCertificate?.subject ?? "nobody")
            while try await socket.nextMessages() != nil {}
        }
        try await withFiles(authority) { directory, file in
            let client = try authority.issue(commonName: "device 4711", purpose: .client)
                .write(to: directory, name: "client")
            let arguments = [server.url, "--ca", file] + Self.oneMessage
            let known = try await LwscatProcess.output(
                of: arguments + ["--cert", client.certificateChain, "--key", client.privateKey])
            #expect(known.status == 0, "\(known.errors)")
            #expect(known.lines == ["CN=device 4711"])
            let unknown = try await LwscatProcess.output(of: arguments)
            #expect(unknown.status == 78, "\(unknown.errors)")
            #expect(unknown.errors.contains("lwscat: --cert FILE and --key FILE"), "\(unknown.errors)")
            #expect(!unknown.errors.contains("--ca"), "\(unknown.errors)")
            // The key is no certificate.
            let swapped = try await LwscatProcess.output(
                of: arguments + ["--cert", client.privateKey, "--key", client.privateKey])
            #expect(swapped.status == 64)
            #expect(swapped.errors.contains("There is no PEM certificate"), "\(swapped.errors)")
        }
        await server.stop()
    }

    @Test("A pin lets the server through that has the key, and no other")
    func pins() async throws {
        let server = try await TestServer.start(handler: Self.echo)
        let pin = try #require(
            try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration).tls?.peerCertificate?
                .publicKeyPin)
        try await withFiles(server.authority) { _, file in
            let arguments = [server.url, "--ca", file] + Self.oneMessage
            let pinned = try await LwscatProcess.output(of: arguments + ["--pin", "\(pin)"])
            #expect(pinned.lines == ["hello"], "\(pinned.errors)")
            let other = try await LwscatProcess.output(
                of: arguments + ["--pin", "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="])
            #expect(other.status == 78)
            #expect(other.lines == [])
            #expect(other.errors.contains("\(pin)"), "the keys that the server has are not shown: \(other.errors)")
            #expect(other.errors.contains("lwscat: --pin PIN pins another key"), "\(other.errors)")
        }
        await server.stop()
    }

    /// What is wrong with a certificate, and the one switch that accepts it.
    enum Fault: String, CaseIterable {
        case untrustedRoots = "--insecure-untrusted-roots"
        case anyHostname = "--insecure-any-hostname"
        case expiredCertificates = "--insecure-expired-certificates"
    }

    @Test("Each switch turns off its check and no other's", arguments: Fault.allCases)
    func switches(fault: Fault) async throws {
        let server = try await TestServer.start(
            certificate: { authority in
                switch fault {
                case .untrustedRoots: try authority.issue(names: ["localhost"])
                case .anyHostname: try authority.issue(names: ["example.com"])
                case .expiredCertificates: try authority.issue(names: ["localhost"], validity: .expired)
                }
            }, handler: Self.echo)
        let trusted = fault == .untrustedRoots ? try CertificateAuthority(commonName: "Another") : server.authority
        try await withFiles(trusted) { _, file in
            for flag in Fault.allCases {
                let result = try await LwscatProcess.output(
                    of: [server.url, "--ca", file, flag.rawValue] + Self.oneMessage)
                #expect(result.status == (flag == fault ? 0 : 78), "\(flag.rawValue): \(result.errors)")
                #expect(result.lines == (flag == fault ? ["hello"] : []))
            }
        }
        await server.stop()
    }

    @Test("Through an HTTP proxy, given by itself or by the environment")
    func proxies() async throws {
        let server = try await TestServer.start(
            certificate: { try $0.issue(names: ["echo.test"]) }, handler: Self.echo)
        try await withProxy { proxy in
            try await withFiles(server.authority) { _, file in
                // Only the proxy knows the name.
                let url = "wss://echo.test:\(server.port)"
                let address = "http://127.0.0.1:\(proxy.port)"
                let arguments = [url, "--ca", file] + Self.oneMessage
                let given = try await LwscatProcess.output(of: arguments + ["--proxy", address])
                #expect(given.lines == ["hello"], "\(given.errors)")
                let environment = "https_proxy='\(address)' no_proxy= '\(LwscatProcess.executable.path)'"
                let words = (arguments + ["--proxy", "environment"]).map { "'\($0)'" }.joined(separator: " ")
                let found = try await LwscatProcess.shell("\(environment) \(words)")
                #expect(found == ["hello"])
                let direct = try await LwscatProcess.output(of: arguments)
                #expect(direct.status == 68)
            }
        }
        await server.stop()
    }

    @Test("--route shows the route in front, --stats says at the end what there was")
    func output() async throws {
        let server = try await TestServer.start(isSecure: false, handler: Self.echo)
        let result = try await LwscatProcess.output(of: [
            server.url, "-x", #"{"type":"price"}"#, "-x", "plain", "--max-messages", "2", "--route", "type", "--stats",
        ])
        #expect(result.lines == ["price\t" + #"{"type":"price"}"#, "plain"])
        for line in ["messages sent: 2, 21 bytes", "messages received: 2, 21 bytes", "connections: 1"] {
            #expect(result.errors.contains(line), "\(result.errors)")
        }
        await server.stop()
    }

    @Test("The first word may be connect, which is what there is without it, or help")
    func firstWord() async throws {
        let help = try await LwscatProcess.output(of: ["--help"])
        #expect(help.lines.contains("USAGE: lwscat [options] <url>"))
        for words in [["help"], ["connect", "--help"], ["help", "connect"]] {
            #expect(try await LwscatProcess.output(of: words).lines == help.lines, "\(words)")
        }
        let tls = try await LwscatProcess.output(of: ["help", "tls"])
        #expect(tls.status == 0)
        #expect(tls.lines.contains("USAGE: lwscat tls [options] <url>"))
        let server = try await TestServer.start(isSecure: false, handler: Self.echo)
        let connected = try await LwscatProcess.output(of: ["connect", server.url] + Self.oneMessage)
        #expect(connected.lines == ["hello"], "\(connected.errors)")
        await server.stop()
        for words in [["--version"], ["connect", "--version"], ["tls", "--version"]] {
            #expect(try await LwscatProcess.output(of: words).lines == ["0.1.0"], "\(words)")
        }
    }

    @Test("--color always has colours in a pipe too, and then a peer has none")
    func color() async throws {
        let server = try await TestServer.start(isSecure: false, handler: Self.echo)
        let arguments = [server.url, "-x", "a\u{1B}[31m", "--max-messages", "1"]
        let colored = try await LwscatProcess.output(of: arguments + ["--color", "always", "--verbose"])
        #expect(colored.lines == ["\u{1B}[36ma\\u{1B}[31m\u{1B}[0m"])
        #expect(colored.errors == "\u{1B}[1;32mlwscat: connected: \(server.url)\u{1B}[0m\n")
        let plain = try await LwscatProcess.output(of: arguments + ["--verbose"])
        #expect(plain.lines == ["a\u{1B}[31m"])
        #expect(plain.errors == "lwscat: connected: \(server.url)\n")
        await server.stop()
    }
}

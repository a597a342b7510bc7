import Foundation
import LibWebSockets
import Testing
import WebSocketTesting

@Suite("How lwscat ends when something fails, and lwscat tls", .needsEchoServer, .timeLimit(.minutes(10)))
struct LwscatFailureTests {
    @Test("An authority that did not sign the server's certificate: 78, and what to do")
    func wrongAuthority() async throws {
        try await withCertificateFiles { _, _, fixture in
            try await withEchoServer(fixture.echoOptions) { server in
                try await withCertificateFiles { otherAuthority, _, _ in
                    let result = try await LwscatProcess.output(of: [
                        server.url(scheme: "wss"), "--ca", otherAuthority, "-x", "secret",
                    ])
                    #expect(result.status == 78)
                    #expect(result.lines == [])
                    #expect(result.errors.contains("not trusted"))
                    #expect(result.errors.contains("lwscat tls"))
                }
                let insecure = try await LwscatProcess.output(of: [
                    server.url(scheme: "wss"), "--insecure-untrusted-roots", "-x", "hello", "--max-messages", "1",
                ])
                #expect(insecure.status == 0)
                #expect(insecure.lines == ["hello"])
            }
        }
    }

    @Test(
        "Each class of failure has its status",
        arguments: [
            ("/close?code=1000", 0, ""), ("/close?code=1001", 0, ""),
            ("/close?code=1011&reason=oops", 76, "1011 internal error \"oops\""),
            ("/close?code=4000", 76, "4000"), ("/refuse?status=404", 77, "404"), ("/refuse?status=503", 77, "503"),
        ])
    func peer(path: String, status: Int32, words: String) async throws {
        try await withEchoServer { server in
            let url = server.url(scheme: "ws", path: path)
            let result = try await LwscatProcess.output(of: [url, "--wait", "forever"])
            #expect(result.status == status)
            #expect(words.isEmpty ? result.errors.isEmpty : result.errors.contains(words), "\(result.errors)")
        }
    }

    @Test("Nobody listens: 69; no such host: 68; no usable URL, header or file: 64")
    func unreachable() async throws {
        let server = try await TestServer.start(isSecure: false) { _, _ in }
        await server.stop()
        #expect(try await LwscatProcess.output(of: [server.url, "-x", "a"]).status == 69)
        #expect(try await LwscatProcess.output(of: ["ws://nowhere.invalid/", "-x", "a"]).status == 68)
        #expect(try await LwscatProcess.output(of: ["ftp://localhost/", "-x", "a"]).status == 64)
        #expect(try await LwscatProcess.output(of: ["wss://localhost/", "--ca", "/nowhere.pem"]).status == 64)
        #expect(try await LwscatProcess.output(of: ["ws://localhost/", "--no-such-option"]).status == 64)
    }

    @Test(
        "What cannot be used is told with how lwscat is used, also where it shows late", arguments: ["foo", "ftp://a"])
    func usage(url: String) async throws {
        let result = try await LwscatProcess.output(of: [url])
        #expect(result.status == 64)
        #expect(result.errors.contains("Usage: lwscat [options] <url>"), "\(result.errors)")
        #expect(result.errors.contains("See 'lwscat --help'"), "\(result.errors)")
    }

    @Test("Giving up after so many attempts ends with the last failure's status")
    func givesUp() async throws {
        let server = try await TestServer.start(isSecure: false) { _, _ in }
        await server.stop()
        let result = try await LwscatProcess.output(of: [
            server.url, "--reconnect", "fixed:0.01", "--max-retries", "2", "--wait", "forever",
        ])
        #expect(result.status == 69)
        #expect(result.errors.contains("attempt 2 in 10 ms"))
    }

    @Test("A peer that says nothing within the timeout, and one that answers no pings: 75")
    func timeouts() async throws {
        try await withEchoServer { server in
            try await LwscatProcess.run([server.url(scheme: "ws"), "--ping", "0.1", "--json"]) { lwscat in
                _ = try await lwscat.event("roundTrip")
                server.pause()
                #expect(try await lwscat.event("failed").class == "timeout")
                #expect(await lwscat.exitStatus == 75)
            }
            let result = try await LwscatProcess.output(of: [server.url(scheme: "ws"), "--timeout", "0.2", "-x", "a"])
            #expect(result.status == 75)
            server.resume()
        }
    }

    @Test("A port that is taken: 71")
    func portTaken() async throws {
        let server = try await TestServer.start(isSecure: false) { _, _ in }
        let result = try await LwscatProcess.output(of: ["--listen", "\(server.port)"])
        #expect(result.status == 71)
        #expect(result.errors.contains("in use"))
        await server.stop()
    }

    // MARK: lwscat tls

    @Test("lwscat tls shows the chain and says that all is well")
    func tlsPasses() async throws {
        try await withCertificateFiles { authority, _, fixture in
            // From threads it says with an alert which versions it does not speak.
            var options = fixture.echoOptions
            options.usesThreads = true
            try await withEchoServer(options) { server in
                let result = try await LwscatProcess.output(of: ["tls", server.url(scheme: "wss"), "--ca", authority])
                #expect(result.status == 0, "\(result.lines)")
                let text = result.lines.joined(separator: "\n")
                #expect(text.contains("TLS 1.3 yes, TLS 1.2 yes, TLS 1.1 no, TLS 1.0 no"), "\(text)")
                #expect(text.contains("pin      \(fixture.certificate.spkiPin)"))
                #expect(text.contains("ok    authority"))
                #expect(!text.contains("FAIL"))
            }
        }
    }

    @Test("lwscat tls tells of every check that fails, and shows the chain all the same")
    func tlsFails() async throws {
        try await withCertificateFiles { otherAuthority, _, _ in
            let authority = try CertificateAuthority(commonName: "Somebody else")
            let certificate = try authority.issue(names: ["example.com"], validity: .expired)
            let options = EchoServerOptions(certificate: certificate, tlsVersion: .tls12, usesThreads: true)
            try await withEchoServer(options) { server in
                let result = try await LwscatProcess.output(of: [
                    "tls", server.url(scheme: "wss"), "--ca", otherAuthority, "--pin",
                    "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                ])
                #expect(result.status == 78)
                let text = result.lines.joined(separator: "\n")
                for check in ["authority", "name", "dates", "pins"] {
                    #expect(text.contains("FAIL  \(check)"), "\(text)")
                }
                for check in ["strength", "purpose"] { #expect(text.contains("ok    \(check)"), "\(text)") }
                #expect(text.contains("TLS 1.3 no, TLS 1.2 yes"))
                #expect(text.contains("issuer   CN=Somebody else"))
                #expect(text.contains("expired"))
            }
            // This one ends the connection without an alert.
            let silent = EchoServerOptions(certificate: certificate, tlsVersion: .tls12)
            try await withEchoServer(silent) { server in
                let result = try await LwscatProcess.output(of: ["tls", server.url(scheme: "wss")])
                let text = result.lines.joined(separator: "\n")
                #expect(text.contains("TLS 1.3 cannot be told, TLS 1.2 yes"), "\(text)")
            }
        }
    }

    @Test("lwscat tls sees the versions of a server that demands client certificates, with one and without")
    func tlsClientCertificate() async throws {
        try await withCertificateFiles { authority, files, fixture in
            let tls = TLSServerConfiguration(
                identity: fixture.certificate.identity,
                clientCertificates: .required(.pem(fixture.authority.certificatePEM)))
            let configuration = WebSocketServer.Configuration(tls: tls)
            let server = try await TestServer.start(configuration: configuration) { _, _ in }
            let arguments = ["tls", server.url, "--ca", authority]
            let unknown = try await LwscatProcess.output(of: arguments)
            let text = unknown.lines.joined(separator: "\n")
            #expect(text.contains("versions   TLS 1.3 yes, TLS 1.2 yes"), "\(text)")
            let json = try await LwscatProcess.output(of: arguments + ["--json"])
            #expect(json.lines.contains("    \"TLS 1.2\" : true,") || json.lines.contains("    \"TLS 1.2\" : true"))
            let known = try await LwscatProcess.output(
                of: arguments + ["--cert", files.certificateChain, "--key", files.privateKey])
            #expect(known.lines.contains { $0.hasPrefix("versions   TLS 1.3 yes, TLS 1.2 yes") }, "\(known.lines)")
            await server.stop()
        }
    }

    @Test("Every key of lwscat tls --json is in its help")
    func tlsJSON() async throws {
        func keys(_ value: Any) -> Set<String> {
            switch value {
            case let values as [Any]: values.reduce(into: []) { $0.formUnion(keys($1)) }
            case let object as [String: Any]: object.reduce(into: Set(object.keys)) { $0.formUnion(keys($1.value)) }
            default: []
            }
        }
        let help = try await LwscatProcess.output(of: ["tls", "--help"]).lines.joined(separator: "\n")
        let words = help.split { $0.isWhitespace || ",.:;()".contains($0) }.map(String.init)
        let server = try await TestServer.start { _, _ in }
        let result = try await LwscatProcess.output(of: ["tls", server.url, "--json"])
        await server.stop()
        var object = try #require(
            try JSONSerialization.jsonObject(with: Data(result.lines.joined().utf8)) as? [String: Any])
        #expect((object["certificates"] as? [Any])?.isEmpty == false)
        // Its keys are the versions.
        object["versions"] = true
        for key in keys(object).union(["error"]) { #expect(words.contains(key), "\(key)") }
    }

    @Test("lwscat tls says what to do where a client certificate is demanded before there is anything to see")
    func tlsClientCertificateFirst() async throws {
        try await withCertificateFiles { authority, _, fixture in
            var options = fixture.echoOptions
            (options.clientAuthority, options.tlsVersion, options.usesThreads) = (fixture.authority, .tls12, true)
            try await withEchoServer(options) { server in
                let result = try await LwscatProcess.output(of: ["tls", server.url(scheme: "wss"), "--ca", authority])
                let text = result.lines.joined(separator: "\n")
                #expect(result.status == 78, "\(text)")
                #expect(text.contains("TLS 1.3 no, TLS 1.2 yes"), "\(text)")
                #expect(text.contains("--cert FILE and --key FILE"), "\(text)")
            }
        }
    }

    @Test("lwscat tls without a server, and without TLS behind the port")
    func tlsWithoutTLS() async throws {
        let server = try await TestServer.start(isSecure: false) { _, _ in }
        let plain = try await LwscatProcess.output(of: ["tls", "localhost:\(server.port)"])
        #expect([74, 78].contains(plain.status))
        await server.stop()
        #expect(try await LwscatProcess.output(of: ["tls", "localhost:\(server.port)"]).status == 69)
        let noTLS = try await LwscatProcess.output(of: ["tls", "ws://localhost"])
        #expect(noTLS.status == 64)
        #expect(noTLS.errors.contains("give a wss: or https: URL"), "\(noTLS.errors)")
        #expect(noTLS.errors.contains("Usage: lwscat tls [options] <url>"), "\(noTLS.errors)")
    }
}

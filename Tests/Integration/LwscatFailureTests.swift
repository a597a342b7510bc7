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
            try await withEchoServer(fixture.echoOptions) { server in
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
            let options = EchoServerOptions(certificate: certificate, tlsVersion: .tls12)
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
        }
    }

    @Test("lwscat tls without a server, and without TLS behind the port")
    func tlsWithoutTLS() async throws {
        let server = try await TestServer.start(isSecure: false) { _, _ in }
        let plain = try await LwscatProcess.output(of: ["tls", "localhost:\(server.port)"])
        #expect([74, 78].contains(plain.status))
        await server.stop()
        #expect(try await LwscatProcess.output(of: ["tls", "localhost:\(server.port)"]).status == 69)
        #expect(try await LwscatProcess.output(of: ["tls", "ws://localhost"]).status == 64)
    }
}

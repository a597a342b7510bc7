import Foundation
import TestSupport
import Testing
import WebSocketTesting

/// badwss as a user runs it, with clients in Python's `ssl`, which we did not write: what a client does about a case is judged
/// by OpenSSL here, so that the cases themselves are proven to be what they say.
@Suite("badwss check", .needsEchoServer, .timeLimit(.minutes(10)))
struct BadwssCheckTests {
    private static func check(
        _ script: String, _ arguments: [String], options: [String] = []
    ) async throws -> (status: Int32, report: ClientVerificationReport) {
        let client = TestServers.clients.appending(path: script).path
        let output = try await LwscatProcess.output(
            of: ["check", "--json", "--scheme", "https", "--timeout", "60s"] + options + ["--"]
                + [TestServers.python.path, "-B", client, "{url}", "{ca}"] + arguments,
            tool: "badwss")
        let json = Data(output.lines.joined(separator: "\n").utf8)
        do {
            return (output.status, try JSONDecoder().decode(ClientVerificationReport.self, from: json))
        } catch {
            throw NeverHappened(description: "badwss ended with \(output.status) and said: \(output.errors)")
        }
    }

    private static let everything = [
        "--address", "{address}", "--crl", "{crl}", "--cert", "{cert}", "--key", "{key}",
    ]
    /// The cases that ask for a stapled response, which Python's `ssl` does not do.
    private static let stapling: Set<CertificateCase> = [.ocspRevoked, .ocspMissing, .ocspOutdated, .ocspForged]

    @Test("A careful client with Python's ssl is right about every case that it can judge")
    func careful() async throws {
        let (status, report) = try await Self.check("careful.py", Self.everything)
        #expect(report.wrong.isEmpty, "\(report)")
        #expect(status == 0)
        #expect(Set(report.skipped) == Self.stapling.union([.clientCertificateAbsent]), "\(report)")
        #expect(report.entries.map(\.test) == CertificateCase.allCases)
        let (_, absent) = try await Self.check(
            "careful.py", [], options: ["--case", "client-certificate-absent", "--case", "revoked"])
        #expect(absent.wrong.isEmpty && absent.skipped == [.revoked], "\(absent)")
    }

    /// The cases that nobody notices who does not look at names.
    static let aboutNames: Set<CertificateCase> = [
        .wrongHost, .wrongAddress, .wildcardWrongDepth, .wildcardParent, .wildcardEverything, .wildcardPartial,
        .commonNameOnly, .emptySubjectAltName, .addressAsDNSName, .nameAsAddress, .nulInName, .trailingDot,
        .sessionForAnotherName,
    ]
    static let aboutDates: Set<CertificateCase> = [.expired, .notYetValid, .expiredIntermediate]
    /// The other cases that show in a certificate.
    static let aboutTrust: Set<CertificateCase> = [
        .missingIntermediate, .selfSigned, .untrustedRoot, .namesakeRoot, .notAnAuthority, .pathLengthExceeded,
        .nameConstraintsViolated, .nameConstraintsExcluded, .wrongPurpose, .unknownCriticalExtension, .badSignature,
        .certificateChanged, .weakKey, .sha1Signature, .sha1Intermediate, .revoked, .revokedIntermediate,
    ]

    @Test(
        "A client that skips a check is wrong about exactly the cases of that check",
        arguments: [
            ("skips_name.py", aboutNames), ("skips_dates.py", aboutDates),
            ("trusts_everything.py", aboutNames.union(aboutDates).union(aboutTrust)),
        ])
    func careless(script: String, expected: Set<CertificateCase>) async throws {
        let (status, report) = try await Self.check(script, Self.everything)
        let wrong = Set(report.wrong)
        #expect(wrong.subtracting(expected) == [], "\(report)")
        #expect(expected.subtracting(wrong) == [], "\(report)")
        #expect(status == Int32(expected.count))
    }

    @Test("A client that takes up a session for a name that it never verified is let in: the case finds it")
    func sessions() async throws {
        let servers = try CertificateCaseServers.start([.sessionForAnotherName])
        defer { servers.stop() }
        let file = FileManager.default.temporaryDirectory.appending(path: "ca-\(UUID()).pem")
        try Data(servers.authorityPEM.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let urls = servers.urls(of: .sessionForAnotherName, scheme: "https")
        let script = TestServers.clients.appending(path: "reuses_sessions.py").path
        let lines = try await LwscatProcess.shell(
            "'\(TestServers.python.path)' -B '\(script)' '\(file.path)' \(urls.joined(separator: " ")) 2>&1")
        #expect(lines == ["True"])
    }

    @Test(
        "OpenSSL's own client sees the stapled responses that the cases say",
        arguments: [
            (CertificateCase.ocspGood, "Cert Status: good"), (.ocspRevoked, "Cert Status: revoked"),
            (.ocspMissing, "OCSP response: no response sent"), (.ocspOutdated, "Cert Status: good"),
            (.ocspForged, "Cert Status: good"),
        ])
    func stapledResponses(test: CertificateCase, line: String) async throws {
        let servers = try CertificateCaseServers.start([test])
        defer { servers.stop() }
        let port = try #require(servers.port(of: test))
        let lines = try await LwscatProcess.shell(
            "openssl s_client -status -servername localhost -connect 127.0.0.1:\(port) </dev/null 2>&1")
        #expect(lines.contains { $0.trimmingCharacters(in: .whitespaces) == line }, "\(lines.joined(separator: "\n"))")
    }

    @Test("The outdated response is what the case says: one of last week")
    func outdatedResponse() async throws {
        let servers = try CertificateCaseServers.start([.ocspOutdated])
        defer { servers.stop() }
        let port = try #require(servers.port(of: .ocspOutdated))
        // The dates of the response as OpenSSL shows them, in seconds since 1970.
        let lines = try await LwscatProcess.shell(
            """
            openssl s_client -status -servername localhost -connect 127.0.0.1:\(port) </dev/null 2>&1 |
                '\(TestServers.python.path)' -c '
            import ssl, sys
            for key, _, time in (line.strip().partition(": ") for line in sys.stdin):
                if key in ("This Update", "Next Update"): print(ssl.cert_time_to_seconds(time))'
            """)
        let ages = lines.compactMap(Double.init).map { (Date().timeIntervalSince1970 - $0) / 86_400 }
        #expect(ages.map { $0.rounded() } == [8, 1], "\(lines)")
    }

    @Test("A command that hangs is wrong, and killed with all that it has started")
    func hanging() async throws {
        let mark = "\(Int.random(in: 100_000...999_999))"
        let output = try await LwscatProcess.output(
            of: [
                "check", "--json", "--timeout", "500ms", "--case", "valid-ec", "--case", "expired", "--", "sh", "-c",
                "sleep \(mark) & sleep \(mark); echo {url}",
            ], tool: "badwss")
        let report = try JSONDecoder().decode(
            ClientVerificationReport.self, from: Data(output.lines.joined(separator: "\n").utf8))
        #expect(output.status == 2)
        #expect(report.entries.map(\.finding) == Array(repeating: "did not end within its time", count: 2))
        #expect(try await LwscatProcess.shell("pgrep -f '[s]leep \(mark)'") == [])
    }

    @Test("Commands that break, never connect or cannot be run are told from those that refuse")
    func broken() async throws {
        func output(_ command: String...) async throws -> (status: Int32, lines: [String], errors: String) {
            try await LwscatProcess.output(of: ["check", "--case", "expired", "--"] + command, tool: "badwss")
        }
        let killed = try await output("sh", "-c", "kill -SEGV $$; : {url}")
        #expect(killed.status == 1 && killed.lines.contains { $0.contains("broke: ended by signal 11") })
        let idle = try await output("sh", "-c", "echo I am sure >&2; exit 1; : {url}")
        #expect(
            idle.status == 1
                && idle.lines.contains { $0.contains("never connected to the server: exit status 1: I am sure") },
            "\(idle)")
        let missing = try await output("sh", "-c", "no-such-client-1 {url}")
        #expect(missing.status == 1 && missing.lines.contains { $0.contains("could not be run") }, "\(missing)")
        let absent = try await output("no-such-client-2", "{url}")
        #expect(absent.status == 64 && absent.errors.contains("no-such-client-2 cannot be started"), "\(absent)")
        let skipped = try await LwscatProcess.output(
            of: ["check", "--case", "revoked", "--", "true", "{url}"], tool: "badwss")
        #expect(skipped.status == 69 && skipped.errors.contains("nothing was checked"), "\(skipped)")
        let aimless = try await output("true")
        #expect(aimless.status == 64 && aimless.errors.contains("{url}"), "\(aimless)")
    }
}

@Suite("badwss", .needsEchoServer, .timeLimit(.minutes(10)))
struct BadwssServeTests {
    private struct Manifest: Decodable {
        struct Entry: Decodable {
            struct Connection: Decodable { var url: String }
            var name: String
            var port: Int
            var connections: [Connection]
        }
        var authority: String
        var cases: [Entry]
    }

    private struct Event: Decodable {
        var name: String
        var connection: CertificateCase.Connection
    }

    @Test("Every case is served with its files, what each client did is told, and nothing is left in the end")
    func serving() async throws {
        try await LwscatProcess.run(["--json"], tool: "badwss") { badwss in
            let line = try #require(await badwss.nextLine())
            let manifest = try JSONDecoder().decode(Manifest.self, from: Data(line.utf8))
            #expect(manifest.cases.map(\.name) == CertificateCase.allCases.map(\.rawValue))
            #expect(Set(manifest.cases.map(\.port)).count == CertificateCase.allCases.count)
            let directory = URL(filePath: manifest.authority).deletingLastPathComponent().path
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).contains("manifest.json"))
            for (name, handshake, alert) in [
                ("expired", "alert", "certificate_expired"), ("valid-ec", "completed", nil),
            ] as [(String, String, String?)] {
                let url = try #require(manifest.cases.first { $0.name == name }?.connections.first?.url)
                let socket = try? await WebSocket.connect(
                    to: url,
                    configuration: WebSocketConfiguration(
                        tls: TLSClientConfiguration(trustRoots: .pemFile(manifest.authority))))
                await socket?.close()
                let told = try #require(await badwss.nextLine())
                let event = try JSONDecoder().decode(Event.self, from: Data(told.utf8))
                #expect(event.name == name)
                #expect(event.connection.handshake.rawValue == handshake)
                #expect(event.connection.alert == alert)
                #expect(event.connection.serverName == "localhost")
                #expect(event.connection.hasSentData == (name == "valid-ec"))
            }
            badwss.send(SIGTERM)
            #expect(await badwss.exitStatus == 128 + SIGTERM)
            #expect(!FileManager.default.fileExists(atPath: directory))
        }
    }

    @Test("When nobody reads what it tells, or its directory cannot be made, it ends and leaves nothing behind")
    func failing() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "badwss-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = LwscatProcess.executable(of: "badwss").path
        // The reader goes after the first line, so that badwss cannot tell of the connection any more.
        let lines = try await LwscatProcess.shell(
            """
            export TMPDIR='\(directory.path)'
            ('\(path)' --for 60s --port 22000 --case valid-ec; echo $? >'\(directory.path)/status') | {
                read -r line; exec <&-; openssl s_client -connect 127.0.0.1:22000 </dev/null >/dev/null 2>&1; }
            cat '\(directory.path)/status'; ls '\(directory.path)'
            """)
        #expect(lines == ["\(128 + SIGPIPE)", "status"])
        let file = directory.appending(path: "file")
        try Data().write(to: file)
        let output = try await LwscatProcess.output(
            of: ["--for", "60s", "--case", "expired", "--directory", file.appending(path: "below").path], tool: "badwss"
        )
        #expect(output.status == 71 && output.errors.hasSuffix("/below: Not a directory\n"), "\(output)")
    }

    @Test("When nobody reads any more what it tells, it ends without having anything to tell")
    func unread() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "badwss-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = LwscatProcess.executable(of: "badwss").path
        let lines = try await LwscatProcess.shell(
            """
            export TMPDIR='\(directory.path)'
            ('\(path)' --json --for 20s --case expired; echo $? >'\(directory.path)/status') | head -n 1 >/dev/null
            cat '\(directory.path)/status'; ls '\(directory.path)'
            '\(path)' --for 200ms --case expired >/dev/null; echo $?
            '\(path)' --for 200ms --case expired >'\(directory.path)/output'; echo $?
            """)
        #expect(lines == ["\(128 + SIGPIPE)", "status", "0", "0"])
    }

    @Test("It ends by itself, keeps its files in a directory that it was given, and takes the ports that it is told")
    func bounded() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "badwss-\(UUID())")
        defer { try? FileManager.default.removeItem(at: directory) }
        let output = try await LwscatProcess.output(
            of: ["--for", "200ms", "--directory", directory.path, "--port", "21000", "--case", "expired"],
            tool: "badwss")
        let port = 21_000 + (try #require(CertificateCase.allCases.firstIndex(of: .expired)))
        #expect(output.status == 0)
        #expect(output.lines.first?.contains("wss://localhost:\(port)/") == true, "\(output)")
        #expect(FileManager.default.fileExists(atPath: directory.appending(path: "manifest.json").path))
        let taken = try CertificateCaseServers.start([.expired], firstPort: 21_000)
        defer { taken.stop() }
        let second = try await LwscatProcess.output(of: ["--port", "21000", "--case", "expired"], tool: "badwss")
        #expect(second.status == 71 && second.errors.contains("port \(port)"), "\(second)")
    }
}

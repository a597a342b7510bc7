import ArgumentParser
import Foundation
import Testing
import WebSocketTesting

@testable import badwss

@Suite struct BadwssArgumentTests {
    @Test(
        "A period has a unit, and seconds without one",
        arguments: [
            ("60s", .seconds(60)), ("500ms", .milliseconds(500)), ("10m", .seconds(600)), ("1.5h", .seconds(5_400)),
            ("5", .seconds(5)), ("0s", nil), ("-1s", nil), ("s", nil), ("", nil), ("1d", nil), ("1e300s", nil),
            ("nan", nil), ("infs", nil),
        ] as [(String, Duration?)])
    func period(argument: String, duration: Duration?) {
        #expect(Period(argument: argument)?.duration == duration)
    }

    @Test("Cases are chosen by name, and an unknown name is refused")
    func cases() throws {
        #expect(try CaseOptions.parse([]).cases == CertificateCase.allCases)
        #expect(try CaseOptions.parse(["--case", "expired", "--case", "valid-ec"]).cases == [.validEC, .expired])
        #expect(try !CaseOptions.parse(["--except", "expired"]).cases.contains(.expired))
        #expect(throws: (any Error).self) { try CaseOptions.parse(["--case", "no-such-case"]) }
        #expect(throws: (any Error).self) { try CaseOptions.parse(["--case", "expired", "--except", "expired"]) }
    }

    @Test("A command has to say where the URL goes, and ports have to exist")
    func validation() {
        #expect(throws: Never.self) { try Check.parse(["--", "curl", "--cacert={ca}", "{url}"]) }
        #expect(throws: Never.self) { try Check.parse(["--jobs", "3", "--", "client", "-h", "x:{port}"]) }
        for arguments in [[], ["--"], ["--", "curl"], ["--jobs", "0", "--", "curl", "{url}"], ["curl", "{url}"]] {
            #expect(throws: (any Error).self, "\(arguments)") { try Check.parse(arguments) }
        }
        for port in ["-1", "65535", "70000"] {
            #expect(throws: (any Error).self) { try Serve.parse(["--port=\(port)"]) }
        }
    }

    @Test("Places are filled in once, and braces that are none stay")
    func places() {
        let values = ["url": "{ca}", "ca": "x"]
        for (argument, filled) in [
            ("{url}", "{ca}"), ("a{ca}b{ca}", "axbx"), ("%{http_code} {ca}", "%{http_code} x"),
            ("{\"a\":{}}", "{\"a\":{}}"),
            ("{", "{"), ("{{ca}}", "{x}"), ("", ""), ("{ca", "{ca"),
        ] {
            #expect(ClientCommand.fill(argument, with: values) == filled)
        }
    }

    @Test("What a command is not given, it is not judged by")
    func skipping() {
        let bare = ClientCommand(["client", "{url}", "{ca}"])
        #expect(bare.reasonToSkip(.revoked) != nil)
        #expect(bare.reasonToSkip(.clientCertificate) != nil)
        #expect(bare.reasonToSkip(.clientCertificateAbsent) == nil)
        #expect(bare.reasonToSkip(.expired) == nil)
        let full = ClientCommand(["client", "{url}", "--crl={crl}", "--cert={cert}"])
        #expect(full.reasonToSkip(.revoked) == nil)
        #expect(full.reasonToSkip(.clientCertificateExpired) == nil)
        #expect(full.reasonToSkip(.clientCertificateAbsent) != nil)
    }

    @Test("The exit status is the number of wrong cases, below the statuses that mean something else")
    func status() {
        #expect(EndStatus.wrong(0) == .success)
        #expect(EndStatus.wrong(7).rawValue == 7)
        #expect(EndStatus.wrong(1_000).rawValue == 63)
    }

    @Test("A directory that cannot be made is told of by its path and the system's words")
    func directory() throws {
        let path = "/dev/null/below"
        let error = try #require(throws: (any Error).self) {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        #expect(EndStatus.words(for: error) == "\(path): \(String(cString: strerror(ENOTDIR)))")
    }

    @Test("A run that skipped every case ends with a status of its own, and one case is one")
    func nothingChecked() async throws {
        func report(
            _ cases: [CertificateCase], skipping skipped: Set<CertificateCase>
        ) async throws -> ClientVerificationReport {
            try await ClientVerification(
                cases, within: .seconds(60), concurrently: 2, connectsByAddress: false,
                reasonToSkip: { skipped.contains($0) ? "x" : nil }
            ).run { _ in .accepted }
        }
        let nothing = try await report([.revoked, .expired], skipping: [.revoked, .expired])
        #expect(nothing.judged.isEmpty && nothing.wrong.isEmpty)
        #expect(EndStatus.of(nothing).rawValue == 69)
        #expect("\(nothing)".hasPrefix("2 cases, 0 wrong, 2 skipped: nothing was checked\n"))
        let some = try await report([.revoked, .expired], skipping: [.revoked])
        #expect(some.judged == [.expired])
        #expect(EndStatus.of(some).rawValue == 1)
        #expect("\(try await report([.expired], skipping: []))".hasPrefix("1 case, 1 wrong, 0 skipped\n"))
    }

    @Test(
        "The end of a pipe's or a socket's reader is told, and a file, a device and a closed descriptor have none",
        .timeLimit(.minutes(10)))
    func readersEnd() async throws {
        var (pipe, pair): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        try #require(Foundation.pipe(&pipe) == 0)
        #if canImport(Darwin)
            let stream = SOCK_STREAM
        #else
            let stream = Int32(SOCK_STREAM.rawValue)
        #endif
        try #require(socketpair(AF_UNIX, stream, 0, &pair) == 0)
        for (reader, writer) in [(pipe[0], pipe[1]), (pair[0], pair[1])] {
            let (ends, end) = AsyncStream.makeStream(of: Void.self)
            #expect(Output.watchForReadersEnd(of: writer) { end.yield() })
            close(reader)
            for await _ in ends { break }
            close(writer)
        }
        let path = FileManager.default.temporaryDirectory.appending(path: "badwss-\(UUID())").path
        defer { unlink(path) }
        for path in [path, "/dev/null"] {
            let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
            try #require(descriptor >= 0)
            #expect(!Output.watchForReadersEnd(of: descriptor) {})
            close(descriptor)
        }
        #expect(!Output.watchForReadersEnd(of: -1) {})
    }

    @Test("The list explains every case in one line")
    func list() {
        let lines = List.text(CertificateCase.allCases).split(separator: "\n")
        #expect(lines.count == CertificateCase.allCases.count)
        #expect(lines.allSatisfy { $0.contains("RFC ") })
    }
}

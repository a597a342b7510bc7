import Testing
import WebSocketTesting

@Suite("SwiftNIO's TLS, as the client under test", .timeLimit(.minutes(2)))
struct NIOClientTests {
    /// What this small client does not do: it has no certificate to show, and is given no revocation lists.
    private static let cases = CertificateCase.allCases.filter {
        $0.need != .revocationLists && $0.need != .clientCertificate
    }

    @Test("It is right about every case but these")
    func everyCase() async throws {
        let report = try await verifyClient(Self.cases) { _, trust in
            _ = try await NIOClient.get(host: trust.host, port: trust.port, authorityFile: trust.authorityFile)
        }
        #expect(Set(report.wrong) == [], "\(report)")
    }
}

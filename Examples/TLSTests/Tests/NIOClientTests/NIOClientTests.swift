import Testing
import WebSocketTesting

@Suite("SwiftNIO's TLS, as the client under test", .timeLimit(.minutes(2)))
struct NIOClientTests {
    /// The cases beyond this small client: it has no certificate to show, and is given no revocation lists.
    private static let cases = CertificateCase.allCases.filter {
        $0.need != .revocationLists && $0.need != .clientCertificate
    }

    /// The cases about which SwiftNIO's TLS (swift-nio-ssl 2.37, with its defaults) is wrong, by the rules of today. A
    /// newer version may be right about some of it.
    private static let known: Set<CertificateCase> = [
        // It looks no further when the first certificate of an intermediate has expired.
        .crossSigned,
        // Its names go by RFC 2818: the common name counts, and a wildcard may be a part of a label.
        .commonNameOnly, .emptySubjectAltName, .wildcardEverything, .wildcardPartial, .trailingDot,
        // The address that it is connected to will do for the name that it was asked for.
        .nameAsAddress,
        // It leaves the strength of keys and hashes to the authorities.
        .weakKey, .sha1Signature, .sha1Intermediate,
        // `TLSConfiguration.minimumTLSVersion` is TLS 1.0 unless told otherwise.
        .tls10Only, .tls11Only,
    ]

    @Test("It is right about every case but the known ones")
    func everyCase() async throws {
        let report = try await verifyClient(Self.cases) { _, trust in
            _ = try await NIOClient.get(host: trust.host, port: trust.port, authorityFile: trust.authorityFile)
        }
        #expect(Set(report.wrong).isSubset(of: Self.known), "\(report)")
    }
}

import Testing
import WebSocketTesting

@Suite struct CertificateAuthorityTests {
    @Test("An authority's certificate and what it issues are PEM")
    func pem() throws {
        let authority = try CertificateAuthority()
        let issued = try authority.issue(names: ["localhost"])
        #expect(authority.certificatePEM.hasPrefix("-----BEGIN CERTIFICATE-----\n"))
        #expect(issued.certificateChainPEM == issued.certificatePEM)
        #expect(issued.privateKeyPEM.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        #expect(issued.sha256Fingerprint.count == 32)
    }
}

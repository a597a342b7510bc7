import Synchronization
import COpenSSL
import Foundation
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite("Revocation: lists and stapled responses")
struct TLSRevocationTests {
    /// Root, intermediate and a server's certificate, and what a client says of it.
    struct Fixture {
        let root: CertificateAuthority
        let intermediate: CertificateAuthority
        let leaf: IssuedCertificate

        init(mustStaple: Bool = false) throws {
            root = try CertificateAuthority()
            intermediate = try root.intermediate()
            leaf = try intermediate.issue(names: ["localhost"], demandsStapledResponse: mustStaple)
        }

        var client: TLSClientConfiguration { TLSClientConfiguration(trustRoots: .pem(root.certificatePEM)) }

        func connect(
            _ lists: RevocationLists?, stapling: OCSPStapling = .honored, response: [UInt8]? = nil
        ) throws -> TLSLoopback.Outcome {
            var client = client
            (client.revocationLists, client.ocspStapling) = (lists, stapling)
            return try TLSLoopback(client: client, server: server(stapling: response)).connect()
        }

        func server(stapling response: [UInt8]? = nil) throws -> TLSServer {
            try TLSServer(TLSServerConfiguration(identity: leaf.identity)) { sslContext in
                guard let response else { return }
                Self.response.withLock { $0[UInt(bitPattern: sslContext)] = response }
                copenssl_SSL_CTX_set_tlsext_status_cb(sslContext) { ssl, _ in
                    let key = UInt(bitPattern: SSL_get_SSL_CTX(ssl))
                    let bytes = Fixture.response.withLock { $0[key] } ?? []
                    return copenssl_SSL_set1_tlsext_status_ocsp_resp(ssl, bytes, bytes.count) == 1
                        ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK
                }
            }
        }

        /// By context, because OpenSSL's callback takes no closure.
        static let response = Lock<[UInt: [UInt8]]>([:])
    }

    // MARK: - Lists

    @Test("What a list names is refused as revoked, at its depth of the chain", arguments: [0, 1])
    func revoked(depth: Int) throws {
        let fixture = try Fixture()
        let lists = RevocationLists([
            .pem(try fixture.root.revocationListPEM(authorities: depth == 1 ? [fixture.intermediate] : [])),
            .pem(try fixture.intermediate.revocationListPEM(revoking: depth == 0 ? [fixture.leaf] : [])),
        ])
        let outcome = try fixture.connect(lists)
        #expect(outcome.failure?.reason == .revoked)
        #expect(outcome.failure?.depth == depth)
        #expect(outcome.message.contains("was revoked"))
    }

    @Test("With lists that do not name it a chain is accepted, the root's own list not being needed")
    func good() throws {
        let fixture = try Fixture()
        let text = try fixture.root.revocationListPEM() + fixture.intermediate.revocationListPEM()
        #expect(try fixture.connect(RevocationLists([.pem(text)])).error == nil)
        // The intermediate as the only root: its list says nothing of itself, and nobody else's is there.
        var client = fixture.client
        client.trustRoots = .pem(fixture.intermediate.certificatePEM)
        client.revocationLists = RevocationLists([.pem(try fixture.intermediate.revocationListPEM())])
        let outcome = try TLSLoopback(client: client, server: fixture.server()).connect()
        #expect(outcome.error == nil, "\(outcome.message)")
    }

    @Test("Of the leaf only the leaf's issuer is asked, and a revoked intermediate goes unnoticed")
    func leafOnly() throws {
        let fixture = try Fixture()
        let rootList = try fixture.root.revocationListPEM(authorities: [fixture.intermediate])
        let list = try fixture.intermediate.revocationListPEM()
        let unrevoked = RevocationLists([.pem(rootList), .pem(list)], checking: .leafOnly)
        #expect(try fixture.connect(unrevoked).error == nil)
        let revoking = try fixture.intermediate.revocationListPEM(revoking: [fixture.leaf])
        #expect(try fixture.connect(RevocationLists([.pem(revoking)], checking: .leafOnly)).failure?.reason == .revoked)
    }

    @Test("A missing list is refused with what to do, or accepted on request")
    func missing() throws {
        let fixture = try Fixture()
        let list = try fixture.intermediate.revocationListPEM()
        let outcome = try fixture.connect(RevocationLists([.pem(list)]))
        #expect(outcome.failure?.reason == .revocationUnknown)
        #expect(outcome.failure?.depth == 1)
        #expect(outcome.failure?.isVerificationFailure == true)
        #expect(outcome.message.contains("TLSClientConfiguration.revocationLists"), "\(outcome.message)")
        #expect(try fixture.connect(RevocationLists([.pem(list)], whenMissing: .accept)).error == nil)
    }

    @Test("An outdated list is refused or accepted, but what it names is revoked in any case")
    func outdated() throws {
        let fixture = try Fixture()
        let list = try fixture.intermediate.revocationListPEM(validity: .outdatedResponse)
        let outcome = try fixture.connect(RevocationLists([.pem(list)], checking: .leafOnly))
        #expect(outcome.failure?.reason == .revocationUnknown)
        #expect(outcome.failure?.detail == "CRL has expired")
        let accepting = RevocationLists([.pem(list)], checking: .leafOnly, whenOutOfDate: .accept)
        #expect(try fixture.connect(accepting).error == nil)
        let naming = try fixture.intermediate.revocationListPEM(revoking: [fixture.leaf], validity: .outdatedResponse)
        let revoking = RevocationLists([.pem(naming)], checking: .leafOnly, whenOutOfDate: .accept)
        #expect(try fixture.connect(revoking).failure?.reason == .revoked)
        // A current list beside it is the one that counts.
        let current = try fixture.intermediate.revocationListPEM()
        #expect(try fixture.connect(RevocationLists([.pem(list + current)], checking: .leafOnly)).error == nil)
    }

    @Test("A list that somebody else has signed in the issuer's name is no list, whatever is accepted")
    func forged() throws {
        let fixture = try Fixture()
        let impostor = try CertificateAuthority(commonName: "Throw-away intermediate CA")
        let lists = RevocationLists(
            [.pem(try impostor.revocationListPEM())], checking: .leafOnly, whenMissing: .refuse, whenOutOfDate: .accept)
        #expect(try fixture.connect(lists).failure?.reason == .revocationUnknown)
    }

    @Test("A damaged list, a certificate in a list's place and no list at all are refused before any connection")
    func damaged() throws {
        let fixture = try Fixture()
        let list = try fixture.root.revocationListPEM()
        let der = try #require(Self.der(ofPEM: list))
        for (source, hint) in [
            (RevocationLists.Source.pem(fixture.root.certificatePEM), "holds no PEM revocation list"),
            (.pem(list.replacing("\n", with: "\n!!!!", maxReplacements: 1)), "damaged"),
            (.pem(String(decoding: der, as: UTF8.self)), "no PEM revocation list"),
            (.der(Array(list.utf8)), "not a revocation list in DER"),
            (.der([]), "not a revocation list in DER"), (.pemFile("/nonexistent/crl.pem"), "cannot be read"),
        ] {
            let error = #expect(throws: WebSocketError.self) {
                try TLSClientContext(TLSClientConfiguration(revocationLists: RevocationLists([source])))
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains(hint) == true, "\(error?.message ?? "none")")
        }
        #expect(throws: WebSocketError.self) {
            try TLSClientConfiguration(revocationLists: RevocationLists([])).validate()
        }
        #expect(try fixture.connect(RevocationLists([.der(der)], whenMissing: .accept)).error == nil)
    }

    private static func der(ofPEM pem: String) -> [UInt8]? {
        let base64 = pem.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
        var bytes = [UInt8](repeating: 0, count: base64.utf8.count)
        let count = EVP_DecodeBlock(&bytes, Array(base64.utf8), Int32(base64.utf8.count))
        guard count > 0 else { return nil }
        return Array(bytes.prefix(Int(count) - base64.suffix(2).count { $0 == "=" }))
    }

    @Test("A list's file that has changed counts for the next connection, sessions included")
    func changedFile() throws {
        let fixture = try Fixture()
        let path = "\(FileManager.default.temporaryDirectory.path)/crl-\(UUID()).pem"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try fixture.intermediate.revocationListPEM().write(toFile: path, atomically: true, encoding: .utf8)
        let cache = TLSClientContextCache(capacity: 4)
        var client = fixture.client
        client.revocationLists = RevocationLists([.pemFile(path)], checking: .leafOnly)
        var loopback = try TLSLoopback(client: client, server: fixture.server())
        loopback.context = try cache.context(for: client)
        #expect(try loopback.connect().info?.isResumed == false)
        #expect(try loopback.connect().info?.isResumed == true)
        try fixture.intermediate.revocationListPEM(revoking: [fixture.leaf])
            .write(toFile: path, atomically: true, encoding: .utf8)
        loopback.context = try cache.context(for: client)
        #expect(try loopback.connect().failure?.reason == .revoked)
    }

    @Test("A session is not taken up when the list that it was verified with is out of date, nor by other rules")
    func sessions() throws {
        let fixture = try Fixture()
        let list = try fixture.intermediate.revocationListPEM(
            validity: CertificateValidity(from: .zero, to: .seconds(600)))
        var client = fixture.client
        client.revocationLists = RevocationLists([.pem(list)], checking: .leafOnly)
        let time = TestTime()
        var loopback = try TLSLoopback(
            client: client, server: fixture.server(), now: time.now)
        #expect(try loopback.connect().info?.isResumed == false)
        #expect(try loopback.connect().info?.isResumed == true)
        loopback.configuration.ocspStapling = .ignored
        #expect(try loopback.connect().info?.isResumed == false)
        loopback.configuration.ocspStapling = .honored
        time.set(700)
        #expect(try loopback.connect().info?.isResumed == false)
    }

    // MARK: - Stapling

    @Test("A stapled response that calls the certificate revoked is believed, in TLS 1.2 and 1.3")
    func stapledRevoked() throws {
        let fixture = try Fixture()
        let response = try fixture.intermediate.ocspResponse(for: fixture.leaf, status: .revoked)
        for version in [TLSProtocolVersion.tls12, .tls13] {
            var client = fixture.client
            (client.minimumVersion, client.maximumVersion) = (version, version)
            let outcome = try TLSLoopback(client: client, server: fixture.server(stapling: response)).connect()
            #expect(outcome.failure?.reason == .revoked, "\(version): \(outcome.message)")
        }
        #expect(try fixture.connect(nil, stapling: .ignored, response: response).error == nil)
    }

    enum Response: CaseIterable {
        case none, good, outdated, unknown, ofImpostor, aboutAnother, garbage

        func bytes(_ fixture: Fixture) throws -> [UInt8]? {
            let issuer = fixture.intermediate
            return switch self {
            case .none: nil
            case .good: try issuer.ocspResponse(for: fixture.leaf)
            case .outdated: try issuer.ocspResponse(for: fixture.leaf, validity: .outdatedResponse)
            case .unknown: try issuer.ocspResponse(for: fixture.leaf, status: .unknown)
            case .ofImpostor:
                try issuer.ocspResponse(for: fixture.leaf, signedBy: .other(CertificateAuthority()))
            case .aboutAnother: try issuer.ocspResponse(for: issuer.issue(names: ["localhost"]))
            case .garbage: [0x30, 0x03, 0x0a, 0x01, 0xff]
            }
        }
    }

    @Test("Only a good response satisfies a certificate that demands one, or a client", arguments: Response.allCases)
    func demanded(response: Response) throws {
        let plain = try Fixture()
        let bytes = try response.bytes(plain)
        // Anybody could have left it out.
        #expect(try plain.connect(nil, response: bytes).error == nil)
        let required = try plain.connect(nil, stapling: .required, response: bytes)
        let mustStaple = try Fixture(mustStaple: true)
        let honored = try mustStaple.connect(nil, response: response.bytes(mustStaple))
        #expect(try mustStaple.connect(nil, stapling: .ignored).error == nil)
        for outcome in [required, honored] {
            guard response != .good else {
                #expect(outcome.error == nil, "\(outcome.message)")
                continue
            }
            #expect(outcome.failure?.reason == .revocationUnknown)
            #expect(outcome.failure?.depth == 0)
            #expect(outcome.message.contains("OCSP response"), "\(outcome.message)")
        }
    }

    @Test("A responder that the issuer has certified for it may sign; another certificate of the issuer's may not")
    func delegated() throws {
        let fixture = try Fixture()
        for isCertified in [true, false] {
            let response = try fixture.intermediate.ocspResponse(
                for: fixture.leaf, signedBy: .delegate(isCertified: isCertified))
            let outcome = try fixture.connect(nil, stapling: .required, response: response)
            #expect((outcome.error == nil) == isCertified, "\(outcome.message)")
        }
    }

    @Test("A resumed session, which shows no response, is taken up also where one is required")
    func resumed() throws {
        let fixture = try Fixture(mustStaple: true)
        let response = try fixture.intermediate.ocspResponse(for: fixture.leaf)
        var client = fixture.client
        client.ocspStapling = .required
        let loopback = try TLSLoopback(client: client, server: fixture.server(stapling: response))
        #expect(try loopback.connect().info?.isResumed == false)
        #expect(try loopback.connect().info?.isResumed == true)
    }
}

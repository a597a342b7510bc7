import LibC
import COpenSSL
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite struct TLSHandshakePolicyTests {
    // MARK: Insecure switches

    enum Switch: String, CaseIterable, Sendable { case trust, hostname, expiry }

    enum Fault: String, CaseIterable, Sendable {
        case untrusted, selfSigned, hostname, address, expired, notYetValid, purpose

        /// The only switch that accepts it.
        var acceptedBy: Switch? {
            switch self {
            case .untrusted, .selfSigned: .trust
            case .hostname, .address: .hostname
            case .expired, .notYetValid: .expiry
            case .purpose: nil
            }
        }

        func certificate(_ authority: CertificateAuthority) throws -> IssuedCertificate {
            switch self {
            case .untrusted: try CertificateAuthority(commonName: "Other").issue(names: ["localhost"])
            case .selfSigned: try CertificateAuthority.selfSigned(names: ["localhost"])
            case .hostname: try authority.issue(names: ["other.example"])
            case .address: try authority.issue(ipAddresses: ["10.0.0.1"])
            case .expired: try authority.issue(names: ["localhost"], validity: .expired)
            case .notYetValid: try authority.issue(names: ["localhost"], validity: .notYetValid)
            case .purpose: try authority.issue(names: ["localhost"], purpose: .client)
            }
        }
    }

    @Test("Each insecure switch turns off its own check and no other", arguments: Fault.allCases, Switch.allCases)
    func insecureSwitch(fault: Fault, turnedOff: Switch) throws {
        let authority = try CertificateAuthority()
        var configuration = TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM))
        switch turnedOff {
        case .trust: configuration.insecureAcceptsUntrustedRoots = true
        case .hostname: configuration.insecureAcceptsAnyHostname = true
        case .expiry: configuration.insecureAcceptsExpiredCertificates = true
        }
        let server = try TLSHandshakeVerificationTests.server(fault.certificate(authority))
        let outcome = try TLSLoopback(client: configuration, server: server).connect()
        #expect((outcome.error == nil) == (fault.acceptedBy == turnedOff), "\(outcome.message)")
        #expect((outcome.info == nil) == (outcome.error != nil))
    }

    @Test("Without trust, name and dates are still checked", arguments: [Fault.hostname, .expired])
    func otherChecksRemain(fault: Fault) throws {
        let stranger = try CertificateAuthority(commonName: "Stranger")
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(
                trustRoots: .pem(CertificateAuthority().certificatePEM), insecureAcceptsUntrustedRoots: true),
            server: TLSHandshakeVerificationTests.server(fault.certificate(stranger))
        ).connect()
        #expect(outcome.failure?.reason.rawValue == (fault == .expired ? "expired" : "hostnameMismatch"))
    }

    // MARK: Pins

    @Test("A pin may be for any key of the chain, the server's, an intermediate's or the root's")
    func pinMatches() throws {
        let root = try CertificateAuthority()
        let intermediate = try root.intermediate()
        let leaf = try intermediate.issue(names: ["localhost"])
        let spare = try root.issue(names: ["spare"]).spkiPin
        for pem in [leaf.certificatePEM, intermediate.certificatePEM, root.certificatePEM] {
            let outcome = try TLSLoopback(
                client: TLSClientConfiguration(
                    trustRoots: .pem(root.certificatePEM), pinnedKeys: [spare, Self.pin(ofPEM: pem)]),
                server: TLSHandshakeVerificationTests.server(leaf)
            ).connect()
            #expect(outcome.error == nil, "\(outcome.message)")
        }
    }

    @Test("A chain without a pinned key is refused, however trusted", arguments: TLSHandshakeVerificationTests.versions)
    func pinMismatch(version: Int32) throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.issue(names: ["localhost"])
        let pin = try authority.issue(names: ["localhost"]).spkiPin
        let server = try TLSHandshakeVerificationTests.server(leaf) {
            copenssl_SSL_CTX_set_max_proto_version($0, version)
        }
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM), pinnedKeys: [pin]),
            server: server
        ).connect()
        #expect(outcome.failure?.reason == .pinMismatch)
        #expect(outcome.failure?.openSSLCode == Int(X509_V_ERR_APPLICATION_VERIFICATION))
        #expect(outcome.failure?.subject == "CN=localhost")
        #expect(outcome.message.contains(pin.description))
        #expect(outcome.message.contains(leaf.spkiPin.description))
    }

    @Test("Pins replace trust only when told so, and a pinned key in a chain that was merely sent does not count")
    func pinWithoutTrust() throws {
        let selfSigned = try CertificateAuthority.selfSigned(names: ["localhost"])
        let server = try TLSHandshakeVerificationTests.server(selfSigned)
        let roots = TrustRoots.pem(try CertificateAuthority().certificatePEM)
        var configuration = TLSClientConfiguration(trustRoots: roots, pinnedKeys: [selfSigned.spkiPin])
        #expect(try TLSLoopback(client: configuration, server: server).connect().failure?.reason == .selfSigned)
        configuration.insecureAcceptsUntrustedRoots = true
        #expect(try TLSLoopback(client: configuration, server: server).connect().error == nil)

        let impostor = try CertificateAuthority.selfSigned(names: ["localhost"])
        let padded = try TLSServer(
            TLSServerConfiguration(
                identity: .pem(
                    certificateChain: impostor.certificatePEM + selfSigned.certificatePEM,
                    privateKey: impostor.privateKeyPEM)))
        #expect(try TLSLoopback(client: configuration, server: padded).connect().failure?.reason == .pinMismatch)
    }

    private static func pin(ofPEM pem: String) throws -> SPKIPin {
        let certificates = try PEM.certificates(Array(pem.utf8), from: .bytes([]), for: "test")
        let certificate = try #require(copenssl_sk_X509_value(certificates.pointer, 0))
        return try #require(SPKIPin(sha256: X509Reading.publicKeyHash(of: certificate)))
    }

    // MARK: Trust roots

    @Test("One of several roots in one text is enough, and so is one of several sources")
    func severalRoots() throws {
        let authorities = try (0..<3).map { try CertificateAuthority(commonName: "CA \($0)") }
        let bundle = "a comment\n" + authorities.map(\.certificatePEM).joined(separator: "\n# another\n")
        let roots: [TrustRoots] = [
            .pem(bundle),
            .pem(authorities[0].certificatePEM).adding(.pem(authorities[1].certificatePEM))
                .adding(.pem(authorities[2].certificatePEM)),
        ]
        for trustRoots in roots {
            for authority in authorities {
                let server = try TLSHandshakeVerificationTests.server(authority.issue(names: ["localhost"]))
                let outcome = try TLSLoopback(client: TLSClientConfiguration(trustRoots: trustRoots), server: server)
                    .connect()
                #expect(outcome.error == nil, "\(outcome.message)")
            }
        }
    }

    @Test("An intermediate, or the server's own certificate, may be the root")
    func partialChain() throws {
        let intermediate = try CertificateAuthority().intermediate()
        let leaf = try intermediate.issue(names: ["localhost"])
        for pem in [intermediate.certificatePEM, leaf.certificatePEM] {
            let outcome = try TLSLoopback(
                client: TLSClientConfiguration(trustRoots: .pem(pem)),
                server: TLSHandshakeVerificationTests.server(leaf)
            ).connect()
            #expect(outcome.error == nil, "\(outcome.message)")
        }
    }

    @Test(
        "Custom roots replace the system's; added ones do not",
        .enabled(if: !SystemRootSample.certificates.isEmpty, "this machine has no root certificates")
    )
    func systemRoots() throws {
        let own = TrustRoots.pem(try CertificateAuthority().certificatePEM)
        let cases: [(TrustRoots, Bool)] = [(own, false), (.system, true), (own.adding(.system), true)]
        for (roots, trustsSystem) in cases {
            let context = try TLSClientContext(TLSClientConfiguration(trustRoots: roots))
            #expect(SystemRootSample.isTrusted(by: context) == trustsSystem)
        }
    }
}

/// Root certificates of this machine.
private enum SystemRootSample {
    /// The PEM texts of OpenSSL's default file, or of a few files of its default directory.
    static let certificates: [[UInt8]] = {
        let file = String(cString: X509_get_default_cert_file())
        if let text = try? FileOrBytes.file(file).read(for: "test") { return [text] }
        let directory = String(cString: X509_get_default_cert_dir())
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var texts: [[UInt8]] = []
        while texts.count < 5, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let text = try? FileOrBytes.file("\(directory)/\(name)").read(for: "test") { texts.append(text) }
        }
        return texts
    }()

    /// Tells whether one of them verifies against the context's trust store; some may have expired.
    static func isTrusted(by context: TLSClientContext) -> Bool {
        certificates.contains { text in
            guard let stack = try? PEM.certificates(text, from: .bytes([]), for: "test") else { return false }
            return (0..<copenssl_sk_X509_num(stack.pointer)).contains { index in
                let verification = X509_STORE_CTX_new()
                defer { X509_STORE_CTX_free(verification) }
                X509_STORE_CTX_init(
                    verification,
                    SSL_CTX_get_cert_store(context.sslContext),
                    copenssl_sk_X509_value(stack.pointer, index),
                    nil
                )
                return X509_verify_cert(verification) == 1
            }
        }
    }
}

internal import COpenSSL
internal import LibWebSockets

/// The authorities, certificates and keys behind the cases of one run. Belongs to the code that makes the run.
final class CaseAuthorities {
    let root: CertificateAuthority
    private let intermediate: CertificateAuthority
    /// Every authority whose list a client needs that looks up whole chains.
    private var listed: [CertificateAuthority]
    private var revokedCertificates: [ObjectIdentifier: [IssuedCertificate]] = [:]
    private var revokedAuthorities: [CertificateAuthority] = []
    /// Making an RSA key takes longer than everything else together.
    private var rsaCertificate: IssuedCertificate?
    private let rightClient: IssuedCertificate

    init() throws {
        root = try CertificateAuthority(commonName: Self.rootName)
        intermediate = try root.intermediate(commonName: "badwss intermediate")
        listed = [root, intermediate]
        rightClient = try root.issue(commonName: "badwss client", purpose: .client)
    }

    private static let rootName = "badwss root"

    /// The lists of all authorities, in PEM.
    func revocationListsPEM() throws -> String {
        try listed.map { authority in
            try authority.revocationListPEM(
                revoking: revokedCertificates[ObjectIdentifier(authority)] ?? [],
                authorities: authority === root ? revokedAuthorities : [])
        }.joined()
    }

    /// Returns the certificate that a client shows a server that demands one; `nil` for none.
    func clientCertificate(for test: CertificateCase) throws -> IssuedCertificate? {
        switch test {
        case .clientCertificateAbsent: nil
        case .clientCertificateUntrusted:
            try CertificateAuthority(commonName: "Somebody else").issue(commonName: "badwss client", purpose: .client)
        case .clientCertificateExpired:
            try root.issue(commonName: "badwss client", validity: .expired, purpose: .client)
        default: rightClient
        }
    }

    // MARK: - Scripts

    /// Returns what the server of a case does.
    func script(for test: CertificateCase) throws -> CaseScript {
        CaseScript(act: try act(for: test))
    }

    private func act(for test: CertificateCase) throws -> CaseScript.Act {
        switch test {
        case .handshakeStalled: .stall
        case .handshakeReset: .resetAfterHello
        case .plainHTTP: .plainHTTP
        case .noCloseNotify: .cutOff(try context(try issue()))
        case .wrongProtocol:
            .serve([try context(try issue())], CaseClientHello.Behavior(choosesUnofferedProtocol: true))
        case .serverNameRequired:
            .serve([try context(try issue())], CaseClientHello.Behavior(requiresServerName: true))
        case .certificateRenewed: .serve(try [context(try issue()), context(try issue())], CaseClientHello.Behavior())
        case .certificateChanged:
            .serve(try [context(try issue()), context(try ofImpostor())], CaseClientHello.Behavior())
        case .ocspGood, .ocspRevoked, .ocspMissing, .ocspOutdated, .ocspForged: try stapling(for: test)
        default: .serve([try context(for: test)], CaseClientHello.Behavior())
        }
    }

    private func stapling(for test: CertificateCase) throws -> CaseScript.Act {
        let certificate = try issue { template in
            if test != .ocspRevoked { template.extensions.append(.statusRequest) }
        }
        let response: [UInt8]? =
            switch test {
            case .ocspGood: try intermediate.ocspResponse(for: certificate)
            case .ocspRevoked: try intermediate.ocspResponse(for: certificate, status: .revoked)
            case .ocspOutdated: try intermediate.ocspResponse(for: certificate, validity: .outdatedResponse)
            case .ocspForged:
                try intermediate.ocspResponse(for: certificate, signedBy: .other(CertificateAuthority()))
            default: nil
            }
        return .serve([try context(certificate)], CaseClientHello.Behavior(stapledResponse: response))
    }

    private func context(for test: CertificateCase) throws -> FaultServerTLSContext {
        switch test {
        case .tls10Only: try context(try issue(), version: .tls10)
        case .tls11Only: try context(try issue(), version: .tls11)
        case .tls12Only: try context(try issue(), version: .tls12)
        case .tls13Only: try context(try issue(), version: .tls13)
        case .clientCertificate, .clientCertificateAbsent, .clientCertificateUntrusted, .clientCertificateExpired:
            try context(try issue(), clientAuthority: root)
        case .weakDiffieHellman:
            try context(try rsa(), version: .tls12) { sslContext in
                // 2 stands for the group of 1024 bits (SSL_CTX_set_dh_auto, a macro), of RFC 2409 section 6.2.
                SSL_CTX_ctrl(sslContext, SSL_CTRL_SET_DH_AUTO, 2, nil)
                return SSL_CTX_set_cipher_list(sslContext, "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384") == 1
            }
        case .nullCipher:
            try context(try issue(), version: .tls12) { SSL_CTX_set_cipher_list($0, "eNULL") == 1 }
        default: try context(try certificate(for: test))
        }
    }

    private func context(
        _ certificate: IssuedCertificate, version: FaultServer.TLS.Version? = nil,
        clientAuthority: CertificateAuthority? = nil, adjust: (OpaquePointer) -> Bool = { _ in true }
    ) throws -> FaultServerTLSContext {
        let context = try FaultServerTLSContext(
            FaultServer.TLS(
                certificate, minimumVersion: version ?? .tls12, maximumVersion: version ?? .tls13,
                clientAuthority: clientAuthority))
        guard adjust(context.pointer) else { throw CertificateError("The ciphers of a case could not be set") }
        CaseClientHello.install(on: context.pointer)
        return context
    }

    // MARK: - Certificates

    private func issue(
        by authority: CertificateAuthority? = nil, names: [String] = ["localhost"], addresses: [String] = [],
        validity: CertificateValidity = .current, usage: CertificateTemplate.Usage = .server,
        key: CertificateKey = .p256, _ change: (inout CertificateTemplate) -> Void = { _ in }
    ) throws -> IssuedCertificate {
        var template = CertificateTemplate(
            commonName: "localhost", names: names, ipAddresses: addresses, validity: validity, usage: usage)
        change(&template)
        return try (authority ?? intermediate).issue(template, key: key)
    }

    /// An authority below the root, whose list clients get too.
    private func authority(
        below parent: CertificateAuthority? = nil, validity: CertificateValidity = .current, pathLength: Int? = nil,
        isOne: Bool = true, _ change: (inout CertificateTemplate) -> Void = { _ in }
    ) throws -> CertificateAuthority {
        var template = CertificateTemplate(
            commonName: "badwss intermediate \(listed.count)", validity: validity,
            usage: isOne ? .authority(pathLength: pathLength) : .server)
        change(&template)
        let authority = try CertificateAuthority(subordinateTo: parent ?? root, template)
        listed.append(authority)
        return authority
    }

    private func rsa() throws -> IssuedCertificate {
        if let rsaCertificate { return rsaCertificate }
        let made = try issue(key: .rsa(bits: 2_048))
        rsaCertificate = made
        return made
    }

    /// Of an authority that has the trusted one's name only.
    private func ofImpostor() throws -> IssuedCertificate {
        try issue(by: try CertificateAuthority(commonName: Self.rootName))
    }

    /// The certificate of a case in which nothing else is special.
    private func certificate(for test: CertificateCase) throws -> IssuedCertificate {
        switch test.group {
        case .names: try certificateForNames(test)
        case .chain: try certificateForChain(test)
        default: try certificateForRest(test)
        }
    }

    private func certificateForNames(_ test: CertificateCase) throws -> IssuedCertificate {
        switch test {
        case .wrongHost: try issue(names: ["example.com"])
        case .wrongAddress: try issue(names: [], addresses: ["192.0.2.1"])
        case .wildcardWrongDepth: try issue(names: ["*.cases.localhost"])
        case .wildcardParent: try issue(names: ["*.localhost"])
        case .wildcardEverything: try issue(names: ["*"])
        case .wildcardPartial: try issue(names: ["local*"])
        case .commonNameOnly: try issue(names: [])
        case .emptySubjectAltName: try issue(names: []) { $0.hasEmptyAlternativeNames = true }
        case .addressAsDNSName: try issue(names: ["127.0.0.1"])
        // Another common name, so that a client that falls back on that is wrong about the cases of that alone.
        case .nameAsAddress: try issue(names: [], addresses: ["127.0.0.1", "::1"]) { $0.commonName = "server" }
        case .nulInName: try issue(names: ["localhost\0.example.com"])
        case .trailingDot: try issue(names: ["localhost."])
        default: try issue()
        }
    }

    private func certificateForChain(_ test: CertificateCase) throws -> IssuedCertificate {
        switch test {
        case .missingIntermediate: try issue().showing([])
        case .selfSigned: try CertificateAuthority.selfSigned(names: ["localhost"])
        case .untrustedRoot: try issue(by: try CertificateAuthority(commonName: "Somebody else"))
        case .namesakeRoot: try ofImpostor()
        case .notAnAuthority: try issue(by: try authority(isOne: false))
        case .pathLengthExceeded: try issue(by: try authority(below: try authority(pathLength: 0)))
        case .nameConstraintsViolated:
            try issue(by: try authority { $0.extensions.append(.names(permitted: ["example.com"])) })
        case .nameConstraintsExcluded:
            try issue(by: try authority { $0.extensions.append(.names(excluded: ["localhost"])) })
        case .wrongPurpose: try issue(usage: .client)
        case .unknownCriticalExtension: try issue { $0.hasUnknownCriticalExtension = true }
        case .badSignature: try issue().withDamagedSignature()
        default: try issue()
        }
    }

    private func certificateForRest(_ test: CertificateCase) throws -> IssuedCertificate {
        switch test {
        case .validRSA: try rsa()
        case .longChain: try issue(by: try (0..<6).reduce(root) { parent, _ in try authority(below: parent) })
        case .ipv4Address: try issue(names: [], addresses: ["127.0.0.1"])
        case .ipv6Address: try issue(names: [], addresses: ["::1"])
        case .wildcard: try issue(names: ["*.cases.localhost"])
        case .noSubject: try issue { $0.hasEmptySubject = true }
        case .manyNames: try issue(names: (0..<1_000).map { "host\($0).example.com" } + ["localhost"])
        case .crossSigned: try crossSigned()
        case .nameConstraintsMet:
            try issue(by: try authority { $0.extensions.append(.names(permitted: ["localhost"])) })
        case .expired: try issue(validity: .expired)
        case .notYetValid: try issue(validity: .notYetValid)
        case .expiredIntermediate: try issue(by: try authority(validity: .expired))
        case .weakKey: try issue(key: .rsa(bits: 1_024))
        case .sha1Signature: try issue { $0.hash = .sha1 }
        case .sha1Intermediate: try issue(by: try authority { $0.hash = .sha1 })
        case .revoked: try revoked()
        case .revokedIntermediate: try revokedIntermediate()
        default: try issue()
        }
    }

    private func revoked() throws -> IssuedCertificate {
        let certificate = try issue()
        revokedCertificates[ObjectIdentifier(intermediate), default: []].append(certificate)
        return certificate
    }

    private func revokedIntermediate() throws -> IssuedCertificate {
        let authority = try authority()
        revokedAuthorities.append(authority)
        return try issue(by: authority)
    }

    /// The intermediate's name and key certified twice: the server sends the expired certificate first.
    private func crossSigned() throws -> IssuedCertificate {
        let expired = try CertificateAuthority(
            subordinateTo: root,
            CertificateTemplate(
                commonName: intermediate.commonName, validity: .expired, usage: .authority(pathLength: nil)),
            key: intermediate.key)
        return try issue().showing([expired.certificatePEM, intermediate.certificatePEM])
    }
}

extension IssuedCertificate {
    /// The same certificate with other ones behind it.
    fileprivate func showing(_ intermediatesPEM: [String]) throws(CertificateError) -> IssuedCertificate {
        try IssuedCertificate(certificatePEM: certificatePEM, intermediatesPEM: intermediatesPEM, key: key)
    }

    /// The same certificate, the last bit of the signature at its end being wrong.
    fileprivate func withDamagedSignature() throws(CertificateError) -> IssuedCertificate {
        let certificate = try CertificateTemplate.certificate(fromPEM: certificatePEM)
        var der = X509Reading.der(of: certificate.pointer)
        guard !der.isEmpty else { throw CertificateError("A certificate could not be encoded") }
        der[der.count - 1] ^= 1
        var base64 = [UInt8](repeating: 0, count: (der.count + 2) / 3 * 4 + 1)
        let count = EVP_EncodeBlock(&base64, der, Int32(der.count))
        let text = String(decoding: base64.prefix(Int(count)), as: UTF8.self)
        return try IssuedCertificate(
            certificatePEM: "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n",
            intermediatesPEM: intermediatesPEM, key: key)
    }
}

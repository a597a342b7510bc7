/// A throw-away certificate authority: makes certificates and keys in memory, good ones and, on demand, bad ones.
///
/// ```swift
/// let authority = try CertificateAuthority()
/// let server = try authority.issue(names: ["localhost"], ipAddresses: ["127.0.0.1", "::1"])
/// // server: TLSServerConfiguration(identity: server.identity)
/// // client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM))
/// ```
///
/// Keys are made on the spot and nothing is written to disk unless asked for. It is for tests: nothing protects the keys.
public final class CertificateAuthority: Sendable {
    let key: CertificateKeyPair
    let commonName: String
    /// The certificates between this authority and the root, its own first; empty for a root.
    let intermediatesPEM: [String]
    /// The authority's own certificate in PEM: what a client that is to trust it needs.
    public let certificatePEM: String

    /// Makes a root authority.
    ///
    /// - Parameters:
    ///   - commonName: The name that appears in error messages.
    ///   - validity: The validity of its own certificate.
    ///   - key: The kind of its key.
    public init(
        commonName: String = "Throw-away test CA", validity: CertificateValidity = .current,
        key: CertificateKey = .p256
    ) throws(CertificateError) {
        let pair = try CertificateKeyPair(key)
        let template = CertificateTemplate(
            commonName: commonName, validity: validity, usage: .authority(pathLength: nil))
        certificatePEM = try template.sign(subjectKey: pair, issuer: nil)
        self.key = pair
        self.commonName = commonName
        intermediatesPEM = []
    }

    init(
        subordinateTo parent: CertificateAuthority, _ template: CertificateTemplate, key: CertificateKeyPair? = nil
    ) throws(CertificateError) {
        let key = if let key { key } else { try CertificateKeyPair(.p256) }
        self.key = key
        commonName = template.commonName
        certificatePEM = try template.sign(
            subjectKey: key, issuer: .init(certificatePEM: parent.certificatePEM, key: parent.key))
        intermediatesPEM = [certificatePEM] + parent.intermediatesPEM
    }

    /// Makes an authority below this one; the certificates that it issues carry it in their chain.
    ///
    /// - Parameters:
    ///   - commonName: The name that appears in error messages.
    ///   - validity: The validity of its own certificate.
    ///   - pathLength: The number of authorities that may follow below it, at least 0; `nil` for any number.
    ///   - mayIssue: Makes an authority whose certificate says that it is one. `false` makes one whose certificate says
    ///     that it is none, so that what it issues is invalid.
    public func intermediate(
        commonName: String = "Throw-away intermediate CA", validity: CertificateValidity = .current,
        pathLength: Int? = nil, mayIssue: Bool = true
    ) throws(CertificateError) -> CertificateAuthority {
        try CertificateAuthority(
            subordinateTo: self,
            CertificateTemplate(
                commonName: commonName, validity: validity,
                usage: mayIssue ? .authority(pathLength: pathLength) : .server))
    }

    /// Issues a certificate with a new key.
    ///
    /// - Parameters:
    ///   - names: The DNS names, as they are: wildcards, and whatever a hostile certificate would carry.
    ///   - ipAddresses: The IP addresses as text.
    ///   - commonName: The common name of its subject; the first name, or "client", when `nil`.
    ///   - validity: The time in which it is valid.
    ///   - purpose: The party that it authenticates.
    ///   - key: The kind of its key.
    ///   - hash: The hash function of its signature.
    ///   - demandsStapledResponse: Makes it good only together with a stapled OCSP response ("must-staple", RFC 7633); see
    ///     ``ocspResponse(for:status:validity:)``.
    public func issue(
        names: [String] = [], ipAddresses: [String] = [], commonName: String? = nil,
        validity: CertificateValidity = .current, purpose: CertificatePurpose = .server,
        key: CertificateKey = .p256, hash: CertificateHash = .sha256, demandsStapledResponse: Bool = false
    ) throws(CertificateError) -> IssuedCertificate {
        var template = CertificateTemplate(
            commonName: commonName ?? names.first ?? ipAddresses.first ?? "client", names: names,
            ipAddresses: ipAddresses, validity: validity, usage: purpose.usage, hash: hash)
        if demandsStapledResponse { template.extensions.append(.statusRequest) }
        return try issue(template, key: key)
    }

    func issue(
        _ template: CertificateTemplate, key: CertificateKey = .p256
    ) throws(CertificateError) -> IssuedCertificate {
        let pair = try CertificateKeyPair(key)
        let pem = try template.sign(subjectKey: pair, issuer: .init(certificatePEM: certificatePEM, key: self.key))
        return try IssuedCertificate(certificatePEM: pem, intermediatesPEM: intermediatesPEM, key: pair)
    }

    /// Makes a certificate that is signed by itself, with a new key.
    public static func selfSigned(
        names: [String] = [], ipAddresses: [String] = [], commonName: String? = nil,
        validity: CertificateValidity = .current, purpose: CertificatePurpose = .server, key: CertificateKey = .p256
    ) throws(CertificateError) -> IssuedCertificate {
        let pair = try CertificateKeyPair(key)
        let template = CertificateTemplate(
            commonName: commonName ?? names.first ?? ipAddresses.first ?? "self-signed", names: names,
            ipAddresses: ipAddresses, validity: validity, usage: purpose.usage)
        return try IssuedCertificate(
            certificatePEM: template.sign(subjectKey: pair, issuer: nil), intermediatesPEM: [], key: pair)
    }
}

internal import COpenSSL
public import LibWebSockets
internal import LibC

/// A certificate of a ``CertificateAuthority`` with its key.
public struct IssuedCertificate: Sendable {
    /// The certificate alone, in PEM.
    public let certificatePEM: String
    /// The certificate followed by the intermediates up to, but without, the root: what a server shows.
    public let certificateChainPEM: String
    /// The private key as PKCS#8 in PEM, not encrypted.
    public let privateKeyPEM: String
    /// The SHA-256 of the certificate in DER.
    public let sha256Fingerprint: [UInt8]
    /// The pin of its public key.
    public let spkiPin: SPKIPin
    let key: CertificateKeyPair
    let intermediatesPEM: [String]

    init(
        certificatePEM: String, intermediatesPEM: [String], key: CertificateKeyPair
    ) throws(CertificateError) {
        self.certificatePEM = certificatePEM
        self.intermediatesPEM = intermediatesPEM
        certificateChainPEM = certificatePEM + intermediatesPEM.joined()
        privateKeyPEM = try key.pem()
        self.key = key
        let certificate = try CertificateTemplate.certificate(fromPEM: certificatePEM)
        sha256Fingerprint = X509Reading.sha256(X509Reading.der(of: certificate.pointer))
        guard let pin = SPKIPin(sha256: X509Reading.publicKeyHash(of: certificate.pointer)) else {
            throw CertificateError("The public key could not be hashed")
        }
        spkiPin = pin
    }

    /// Chain and key as a client's or a server's configuration takes them.
    public var identity: TLSIdentity {
        .pem(certificateChain: certificateChainPEM, privateKey: privateKeyPEM)
    }

    /// The private key in PEM, encrypted with AES-256.
    public func encryptedPrivateKeyPEM(passphrase: String) throws(CertificateError) -> String {
        try key.pem(passphrase: passphrase)
    }

    /// Certificate, key and intermediates as PKCS#12, encrypted with AES-256.
    public func pkcs12(passphrase: String) throws(CertificateError) -> [UInt8] {
        ERR_clear_error()
        let certificate = try CertificateTemplate.certificate(fromPEM: certificatePEM)
        guard let others = OpenSSLObject(copenssl_sk_X509_new(), releasedBy: { copenssl_sk_X509_free($0) }) else {
            throw CertificateError("The chain could not be made")
        }
        for pem in intermediatesPEM {
            let intermediate = try CertificateTemplate.certificate(fromPEM: pem)
            X509_up_ref(intermediate.pointer)
            copenssl_sk_X509_push(others.pointer, intermediate.pointer)
        }
        guard
            let archive = OpenSSLObject(
                PKCS12_create(
                    passphrase, nil, key.pointer, certificate.pointer, others.pointer, NID_aes_256_cbc, NID_aes_256_cbc,
                    0, 0, 0), releasedBy: { PKCS12_free($0) }),
            let bio = OpenSSLObject(BIO_new(BIO_s_mem()), releasedBy: { BIO_free_all($0) }),
            i2d_PKCS12_bio(bio.pointer, archive.pointer) == 1
        else { throw CertificateError("The PKCS#12 archive could not be made") }
        return bio.memoryBytes
    }

    /// Paths of the PEM files that ``write(to:name:)`` made.
    public struct Files: Hashable, Sendable {
        /// The certificate and its intermediates.
        public let certificateChain: String
        /// The key, not encrypted.
        public let privateKey: String
    }

    /// Writes `NAME.pem` (the chain) and `NAME.key` (the key, mode 0600) for programs that want files.
    ///
    /// - Parameters:
    ///   - directory: An existing directory.
    ///   - name: The files' name, without suffix.
    public func write(to directory: String, name: String) throws(CertificateError) -> Files {
        let files = Files(certificateChain: "\(directory)/\(name).pem", privateKey: "\(directory)/\(name).key")
        try writePEM(certificateChainPEM, to: files.certificateChain, mode: 0o644)
        try writePEM(privateKeyPEM, to: files.privateKey, mode: 0o600)
        return files
    }
}

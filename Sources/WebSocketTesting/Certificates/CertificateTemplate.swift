internal import COpenSSL
internal import LibWebSockets
internal import LibC

/// The contents of a certificate; ``sign(subjectKey:issuer:)`` makes it.
struct CertificateTemplate {
    enum Usage {
        case authority(pathLength: Int?)
        case server, client, serverAndClient
        /// Signs OCSP responses for its issuer (RFC 6960 section 4.2.2.2).
        case responder
    }

    /// An extension in OpenSSL's configuration syntax (x509v3_config(5)).
    struct Extension {
        let identifier: Int32
        let value: String

        /// "Must-staple" (RFC 7633).
        static let statusRequest = Extension(identifier: NID_tlsfeature, value: "status_request")
        /// Certificates below are for these names alone, or for all but these (RFC 5280 section 4.2.1.10).
        static func names(permitted: [String] = [], excluded: [String] = []) -> Extension {
            let rules = permitted.map { "permitted;DNS:\($0)" } + excluded.map { "excluded;DNS:\($0)" }
            return Extension(identifier: NID_name_constraints, value: "critical," + rules.joined(separator: ","))
        }
    }

    struct Issuer {
        let certificatePEM: String
        let key: CertificateKeyPair
    }

    var commonName: String
    var names: [String] = []
    var ipAddresses: [String] = []
    var validity: CertificateValidity
    var usage: Usage
    var hash: CertificateHash = .sha256
    var extensions: [Extension] = []
    /// An extension that nobody knows, and that therefore makes the certificate invalid (RFC 5280 section 4.2).
    var hasUnknownCriticalExtension = false
    /// The certificate has a subjectAltName although there is no name for it.
    var hasEmptyAlternativeNames = false
    /// The subject is empty: the names are in a critical subjectAltName then (RFC 5280 section 4.2.1.6).
    var hasEmptySubject = false

    /// The certificate in PEM, signed by the issuer, or by itself where there is none.
    func sign(subjectKey: CertificateKeyPair, issuer: Issuer?) throws(CertificateError) -> String {
        guard let issuer else { return try sign(subjectKey: subjectKey, issuer: nil, issuerKey: subjectKey) }
        let certificate = try Self.certificate(fromPEM: issuer.certificatePEM)
        return try sign(subjectKey: subjectKey, issuer: certificate.pointer, issuerKey: issuer.key)
    }

    private func sign(
        subjectKey: CertificateKeyPair, issuer: OpaquePointer?, issuerKey: CertificateKeyPair
    ) throws(CertificateError) -> String {
        ERR_clear_error()
        guard let certificate = OpenSSLObject(X509_new(), releasedBy: { X509_free($0) }) else {
            throw CertificateError("A certificate could not be made")
        }
        let issuerPointer = issuer ?? certificate.pointer
        try setSubject(of: certificate.pointer, key: subjectKey)
        guard X509_set_issuer_name(certificate.pointer, X509_get_subject_name(issuerPointer)) == 1 else {
            throw CertificateError("The issuer's name could not be set")
        }
        try addExtensions(to: certificate.pointer, issuer: issuerPointer)
        let digest = hash == .sha1 ? EVP_sha1() : EVP_sha256()
        guard X509_sign(certificate.pointer, issuerKey.pointer, digest) > 0 else {
            throw CertificateError("The certificate of \(commonName) could not be signed")
        }
        guard let bio = OpenSSLObject(BIO_new(BIO_s_mem()), releasedBy: { BIO_free_all($0) }),
            PEM_write_bio_X509(bio.pointer, certificate.pointer) == 1
        else { throw CertificateError("The certificate of \(commonName) could not be written as PEM") }
        return bio.memoryText
    }

    /// The first certificate of a PEM text.
    static func certificate(fromPEM pem: String) throws(CertificateError) -> OpenSSLObject {
        guard let bio = OpenSSLObject.memoryBIO(reading: Array(pem.utf8)),
            let certificate = OpenSSLObject(
                PEM_read_bio_X509(bio.pointer, nil, nil, nil), releasedBy: { X509_free($0) })
        else { throw CertificateError("A certificate could not be read from PEM") }
        return certificate
    }

    private func setSubject(of certificate: OpaquePointer, key: CertificateKeyPair) throws(CertificateError) {
        var serial = [UInt8](repeating: 0, count: 16)
        guard RAND_bytes(&serial, 16) == 1 else { throw CertificateError("No random serial number") }
        // RFC 5280 section 4.1.2.2: positive, and so without the highest bit.
        serial[0] = serial[0] & 0x7f | 0x01
        let number = BN_bin2bn(serial, 16, nil)
        defer { BN_free(number) }
        let name = X509_NAME_new()
        defer { X509_NAME_free(name) }
        let now = time(nil)
        guard X509_set_version(certificate, 2) == 1,
            BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil,
            hasEmptySubject
                || X509_NAME_add_entry_by_NID(
                    name, NID_commonName, MBSTRING_UTF8, Array(commonName.utf8), Int32(commonName.utf8.count), -1, 0)
                    == 1,
            X509_set_subject_name(certificate, name) == 1,
            X509_set_pubkey(certificate, key.pointer) == 1,
            ASN1_TIME_set(
                X509_getm_notBefore(certificate), now + Int(validity.begins.boundedOnBothSides.components.seconds))
                != nil,
            ASN1_TIME_set(
                X509_getm_notAfter(certificate), now + Int(validity.ends.boundedOnBothSides.components.seconds)) != nil
        else { throw CertificateError("The certificate of \(commonName) could not be filled in") }
    }

    private func addExtensions(to certificate: OpaquePointer, issuer: OpaquePointer) throws(CertificateError) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
        var extensions: [(Int32, String)] = [(NID_subject_key_identifier, "hash")]
        switch usage {
        case .authority(let pathLength):
            // OpenSSL would make a certificate that nobody can use.
            if let pathLength, pathLength < 0 { throw CertificateError("The path length \(pathLength) is negative") }
            let limit = pathLength.map { ",pathlen:\($0)" } ?? ""
            extensions.append((NID_basic_constraints, "critical,CA:TRUE\(limit)"))
            extensions.append((NID_key_usage, "critical,keyCertSign,cRLSign"))
        case .server:
            extensions.append((NID_ext_key_usage, "serverAuth"))
        case .client:
            extensions.append((NID_ext_key_usage, "clientAuth"))
        case .responder:
            extensions.append((NID_ext_key_usage, "OCSPSigning"))
        case .serverAndClient:
            extensions.append((NID_ext_key_usage, "serverAuth,clientAuth"))
        }
        if case .authority = usage {
        } else {
            extensions.append((NID_basic_constraints, "critical,CA:FALSE"))
            extensions.append((NID_key_usage, "critical,digitalSignature"))
        }
        // A self-signed certificate has no key identifier to point to before it has its own: hence the order.
        extensions.append((NID_authority_key_identifier, "keyid"))
        extensions += self.extensions.map { ($0.identifier, $0.value) }
        for (identifier, value) in extensions {
            guard let made = X509V3_EXT_conf_nid(nil, &context, identifier, value) else {
                throw CertificateError("The extension \(value) could not be made")
            }
            defer { X509_EXTENSION_free(made) }
            guard X509_add_ext(certificate, made, -1) == 1 else {
                throw CertificateError("The extension \(value) could not be added")
            }
        }
        try addAlternativeNames(to: certificate)
        if hasUnknownCriticalExtension { try addUnknownExtension(to: certificate) }
    }

    private func addUnknownExtension(to certificate: OpaquePointer) throws(CertificateError) {
        // Below the arc for examples (RFC 9687 and others use 2.999, ITU-T X.660); its value is an ASN.1 NULL.
        let identifier = OBJ_txt2obj("2.999.1", 1)
        defer { ASN1_OBJECT_free(identifier) }
        let value = ASN1_OCTET_STRING_new()
        defer { ASN1_OCTET_STRING_free(value) }
        guard ASN1_OCTET_STRING_set(value, [5, 0], 2) == 1,
            let made = X509_EXTENSION_create_by_OBJ(nil, identifier, 1, value)
        else { throw CertificateError("The unknown extension could not be made") }
        defer { X509_EXTENSION_free(made) }
        guard X509_add_ext(certificate, made, -1) == 1 else {
            throw CertificateError("The unknown extension could not be added")
        }
    }

    /// Built from bytes and not from OpenSSL's configuration syntax, so that hostile names (NUL, commas) come out as given.
    private func addAlternativeNames(to certificate: OpaquePointer) throws(CertificateError) {
        guard !names.isEmpty || !ipAddresses.isEmpty || hasEmptyAlternativeNames else { return }
        guard let list = OpenSSLObject(copenssl_sk_GENERAL_NAME_new(), releasedBy: { GENERAL_NAMES_free($0) }) else {
            throw CertificateError("The list of names could not be made")
        }
        for name in names {
            let string = ASN1_IA5STRING_new()
            guard ASN1_STRING_set(string, Array(name.utf8), Int32(name.utf8.count)) == 1 else {
                throw CertificateError("The name \(name) could not be set")
            }
            append(GEN_DNS, string, to: list.pointer)
        }
        for address in ipAddresses {
            guard let string = a2i_IPADDRESS(address) else {
                throw CertificateError("\"\(address)\" is not an IP address")
            }
            append(GEN_IPADD, string, to: list.pointer)
        }
        guard
            X509_add1_ext_i2d(
                certificate, NID_subject_alt_name, UnsafeMutableRawPointer(list.pointer), hasEmptySubject ? 1 : 0, 0)
                == 1
        else { throw CertificateError("The names could not be added") }
    }

    private func append(_ type: Int32, _ value: UnsafeMutablePointer<ASN1_STRING>?, to list: OpaquePointer) {
        let name = GENERAL_NAME_new()
        GENERAL_NAME_set0_value(name, type, value)
        _ = copenssl_sk_GENERAL_NAME_push(list, name)
    }
}

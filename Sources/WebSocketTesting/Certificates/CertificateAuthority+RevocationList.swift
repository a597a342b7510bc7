internal import COpenSSL
internal import LibWebSockets
internal import LibC

extension CertificateAuthority {
    /// Makes a certificate revocation list (RFC 5280 section 5) in PEM.
    ///
    /// - Parameters:
    ///   - revoked: The certificates that it lists, all issued by this authority.
    ///   - authorities: The intermediate authorities that it lists.
    ///   - validity: From when it is, and when the next one is due. The default is a minute ago, and a day later.
    public func revocationListPEM(
        revoking revoked: [IssuedCertificate] = [], authorities: [CertificateAuthority] = [],
        validity: CertificateValidity = .response
    ) throws(CertificateError) -> String {
        try revocationListPEM(
            revoking: revoked.map(\.certificatePEM) + authorities.map(\.certificatePEM), validity: validity)
    }

    private func revocationListPEM(
        revoking revoked: [String], validity: CertificateValidity
    ) throws(CertificateError) -> String {
        ERR_clear_error()
        let issuer = try CertificateTemplate.certificate(fromPEM: certificatePEM)
        let (begins, ends) = validity.seconds
        guard let list = OpenSSLObject(X509_CRL_new(), releasedBy: { X509_CRL_free($0) }),
            let begin = ASN1_TIME_set(nil, begins)
        else { throw CertificateError("A revocation list could not be made") }
        defer { ASN1_STRING_free(begin) }
        guard let end = ASN1_TIME_set(nil, ends) else {
            throw CertificateError("A revocation list could not be made")
        }
        defer { ASN1_STRING_free(end) }
        guard X509_CRL_set_version(list.pointer, 1) == 1,
            X509_CRL_set_issuer_name(list.pointer, X509_get_subject_name(issuer.pointer)) == 1,
            X509_CRL_set1_lastUpdate(list.pointer, begin) == 1, X509_CRL_set1_nextUpdate(list.pointer, end) == 1
        else { throw CertificateError("A revocation list could not be filled in") }
        for pem in revoked {
            let certificate = try CertificateTemplate.certificate(fromPEM: pem)
            guard let entry = X509_REVOKED_new() else { throw CertificateError("A revocation could not be made") }
            // The list owns the entry once it is added.
            guard X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate.pointer)) == 1,
                X509_REVOKED_set_revocationDate(entry, begin) == 1, X509_CRL_add0_revoked(list.pointer, entry) == 1
            else {
                X509_REVOKED_free(entry)
                throw CertificateError("A revocation could not be added")
            }
        }
        try addExtensions(to: list.pointer, issuer: issuer.pointer)
        guard X509_CRL_sign(list.pointer, key.pointer, EVP_sha256()) > 0,
            let bio = OpenSSLObject(BIO_new(BIO_s_mem()), releasedBy: { BIO_free_all($0) }),
            PEM_write_bio_X509_CRL(bio.pointer, list.pointer) == 1
        else { throw CertificateError("A revocation list could not be signed") }
        return bio.memoryText
    }

    /// The two that RFC 5280 sections 5.2.1 and 5.2.3 demand. Lists made later have higher numbers.
    private func addExtensions(to list: OpaquePointer, issuer: OpaquePointer) throws(CertificateError) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer, nil, nil, list, 0)
        guard let identifier = X509V3_EXT_conf_nid(nil, &context, NID_authority_key_identifier, "keyid") else {
            throw CertificateError("The key identifier of a revocation list could not be made")
        }
        defer { X509_EXTENSION_free(identifier) }
        let number = ASN1_INTEGER_new()
        defer { ASN1_INTEGER_free(number) }
        guard X509_CRL_add_ext(list, identifier, -1) == 1, ASN1_INTEGER_set(number, time(nil)) == 1,
            X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0) == 1
        else { throw CertificateError("The extensions of a revocation list could not be added") }
    }
}

extension CertificateValidity {
    /// A validity for revocation lists and OCSP responses: from a minute ago, so that clocks may differ, for a day.
    public static let response = CertificateValidity(from: .seconds(-60), to: .seconds(86_400))
    /// A validity for revocation lists and OCSP responses that ended yesterday, after a week.
    public static let outdatedResponse = CertificateValidity(from: .seconds(-8 * 86_400), to: .seconds(-86_400))

    /// Beginning and end in seconds since 1970.
    var seconds: (begins: Int, ends: Int) {
        let now = time(nil)
        return (
            now + Int(begins.boundedOnBothSides.components.seconds),
            now + Int(ends.boundedOnBothSides.components.seconds)
        )
    }
}

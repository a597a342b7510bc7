internal import COpenSSL
internal import LibWebSockets

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension CertificateAuthority {
    /// A certificate revocation list in PEM, valid for a day.
    package func revocationListPEM(revoking revoked: [IssuedCertificate]) throws(CertificateError) -> String {
        ERR_clear_error()
        let issuer = try CertificateTemplate.certificate(fromPEM: certificatePEM)
        guard let list = OpenSSLObject(X509_CRL_new(), releasedBy: { X509_CRL_free($0) }),
            let now = ASN1_TIME_set(nil, time(nil) - 60)
        else { throw CertificateError("A revocation list could not be made") }
        defer { ASN1_STRING_free(now) }
        guard let tomorrow = ASN1_TIME_set(nil, time(nil) + 86_400) else {
            throw CertificateError("A revocation list could not be made")
        }
        defer { ASN1_STRING_free(tomorrow) }
        guard X509_CRL_set_version(list.pointer, 1) == 1,
            X509_CRL_set_issuer_name(list.pointer, X509_get_subject_name(issuer.pointer)) == 1,
            X509_CRL_set1_lastUpdate(list.pointer, now) == 1, X509_CRL_set1_nextUpdate(list.pointer, tomorrow) == 1
        else { throw CertificateError("A revocation list could not be filled in") }
        for certificate in revoked {
            let certificate = try CertificateTemplate.certificate(fromPEM: certificate.certificatePEM)
            guard let entry = X509_REVOKED_new() else { throw CertificateError("A revocation could not be made") }
            // The list owns the entry once it is added.
            guard X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate.pointer)) == 1,
                X509_REVOKED_set_revocationDate(entry, now) == 1, X509_CRL_add0_revoked(list.pointer, entry) == 1
            else {
                X509_REVOKED_free(entry)
                throw CertificateError("A revocation could not be added")
            }
        }
        guard X509_CRL_sign(list.pointer, key.pointer, EVP_sha256()) > 0,
            let bio = OpenSSLObject(BIO_new(BIO_s_mem()), releasedBy: { BIO_free_all($0) }),
            PEM_write_bio_X509_CRL(bio.pointer, list.pointer) == 1
        else { throw CertificateError("A revocation list could not be signed") }
        return bio.memoryText
    }
}

import COpenSSL

/// A certificate for `localhost` that signs itself, made anew for each use.
struct SelfSignedCertificate {
    let certificatePEM: String
    let privateKeyPEM: String

    init() {
        let keyContext = EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
        defer { EVP_PKEY_CTX_free(keyContext) }
        var key: OpaquePointer?
        precondition(EVP_PKEY_keygen_init(keyContext) == 1)
        precondition(EVP_PKEY_CTX_set_group_name(keyContext, "P-256") == 1)
        precondition(EVP_PKEY_generate(keyContext, &key) == 1)
        defer { EVP_PKEY_free(key) }

        let certificate = X509_new()
        defer { X509_free(certificate) }
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, "localhost", -1, -1, 0)
        X509_set_issuer_name(certificate, name)
        precondition(X509_sign(certificate, key, EVP_sha256()) > 0)

        certificatePEM = Self.text { PEM_write_bio_X509($0, certificate) }
        privateKeyPEM = Self.text { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    private static func text(_ write: (OpaquePointer?) -> Int32) -> String {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        precondition(write(bio) == 1)
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        let count = BIO_read(bio, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
    }
}

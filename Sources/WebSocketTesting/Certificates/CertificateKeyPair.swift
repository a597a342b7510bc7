internal import COpenSSL
internal import LibWebSockets

/// A private key, with its public half.
///
/// `@unchecked Sendable`: OpenSSL counts references to an `EVP_PKEY` atomically and signing does not change it, so
/// threads may share it; it is immutable here.
final class CertificateKeyPair: @unchecked Sendable {
    let pointer: OpaquePointer

    init(_ kind: CertificateKey) throws(CertificateError) {
        _ = OpenSSLCleanup.isDisabled
        ERR_clear_error()
        if case .rsa(let bits) = kind, !(512...16_384).contains(bits) {
            throw CertificateError("An RSA key of \(bits) bits cannot be made, but one of 512 to 16384")
        }
        let algorithm = kind == .p256 ? EVP_PKEY_EC : EVP_PKEY_RSA
        guard
            let context = OpenSSLObject(
                EVP_PKEY_CTX_new_id(algorithm, nil), releasedBy: { EVP_PKEY_CTX_free($0) }),
            EVP_PKEY_keygen_init(context.pointer) == 1
        else { throw CertificateError("A key generator could not be made") }
        let isConfigured =
            switch kind {
            case .p256: copenssl_EVP_PKEY_CTX_set_ec_curve(context.pointer, NID_X9_62_prime256v1)
            case .rsa(let bits): copenssl_EVP_PKEY_CTX_set_rsa_bits(context.pointer, Int32(clamping: bits))
            }
        var key: OpaquePointer?
        guard isConfigured == 1, EVP_PKEY_keygen(context.pointer, &key) == 1, let key else {
            throw CertificateError("A key (\(kind)) could not be made")
        }
        pointer = key
    }

    deinit { EVP_PKEY_free(pointer) }

    /// The key as PKCS#8 in PEM, encrypted with AES-256 where there is a passphrase.
    func pem(passphrase: String? = nil) throws(CertificateError) -> String {
        let cipher = passphrase == nil ? nil : EVP_aes_256_cbc()
        let secret = (passphrase ?? "").utf8.map { CChar(bitPattern: $0) }
        guard let bio = OpenSSLObject(BIO_new(BIO_s_mem()), releasedBy: { BIO_free_all($0) }),
            PEM_write_bio_PKCS8PrivateKey(bio.pointer, pointer, cipher, secret, Int32(secret.count), nil, nil) == 1
        else { throw CertificateError("A key could not be written as PEM") }
        return bio.memoryText
    }
}

extension OpenSSLObject {
    /// The bytes that were written to a memory BIO.
    var memoryBytes: [UInt8] {
        var bytes: UnsafePointer<UInt8>?
        let count = copenssl_BIO_get_mem_data(pointer, &bytes)
        return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }

    /// The bytes that were written to a memory BIO, as text.
    var memoryText: String { String(decoding: memoryBytes, as: UTF8.self) }
}

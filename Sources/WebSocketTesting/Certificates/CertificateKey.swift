/// The kind of a certificate's key.
public enum CertificateKey: Hashable, Sendable {
    /// The elliptic curve P-256: made in a fraction of a millisecond.
    case p256
    /// RSA; 2048 bits take tens of milliseconds to make, 1024 are too weak for OpenSSL's default security level. More than
    /// 16,384, which OpenSSL does not use (`OPENSSL_RSA_MAX_MODULUS_BITS`), or fewer than 512 are refused.
    case rsa(bits: Int)
}

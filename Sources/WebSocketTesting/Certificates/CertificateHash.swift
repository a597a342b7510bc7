/// The hash function of a certificate's signature.
public enum CertificateHash: Hashable, Sendable {
    /// SHA-256, with which certificates are signed today.
    case sha256
    /// SHA-1, broken since 2017 and refused by OpenSSL's default security level.
    case sha1
}

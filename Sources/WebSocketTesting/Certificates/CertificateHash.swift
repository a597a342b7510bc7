/// What a certificate is signed with.
public enum CertificateHash: Hashable, Sendable {
    /// SHA-256, what certificates are signed with today.
    case sha256
    /// Broken since 2017, refused by OpenSSL's default security level.
    case sha1
}

internal import COpenSSL

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The certificate that the peer showed: a copy, valid for as long as it is kept.
public struct PeerCertificate: Hashable, Sendable {
    /// The subject's distinguished name as in RFC 4514, such as `CN=example.com,O=Example`; cut at 300 bytes, where it ends
    /// with `…`.
    public let subject: String
    /// The issuer's distinguished name as in RFC 4514, cut as ``subject``.
    public let issuer: String
    /// The start of its validity.
    public let notValidBefore: Date
    /// The end of its validity.
    public let notValidAfter: Date
    /// The DNS names and IP addresses it is for (subjectAltName). More than 16 KiB of names are cut, and a last entry says
    /// how many are missing; ``der`` has them all.
    public let subjectAlternativeNames: [String]
    /// The SHA-256 of the whole certificate in DER, 32 bytes.
    public let sha256Fingerprint: [UInt8]
    /// The pin of its public key, as ``TLSClientConfiguration/pinnedKeys`` takes it.
    public let publicKeyPin: SPKIPin
    /// The certificate in DER, for whatever else is in it.
    public let der: [UInt8]

    /// The fingerprint as `openssl x509 -fingerprint -sha256` prints it: `AB:CD:…`.
    public var fingerprintText: String {
        sha256Fingerprint.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: ":")
    }

    /// `nil` when the certificate is damaged in a way that OpenSSL lets through: a malformed time, say.
    init?(reading certificate: OpaquePointer) {
        let der = unsafe X509Reading.der(of: certificate)
        guard !der.isEmpty, let validity = unsafe X509Reading.validity(of: certificate),
            let pin = unsafe SPKIPin(sha256: X509Reading.publicKeyHash(of: certificate))
        else { return nil }
        subject = unsafe X509Reading.subject(of: certificate)
        issuer = unsafe X509Reading.issuer(of: certificate)
        notValidBefore = Date(timeIntervalSince1970: TimeInterval(validity.notBefore))
        notValidAfter = Date(timeIntervalSince1970: TimeInterval(validity.notAfter))
        subjectAlternativeNames = unsafe X509Reading.names(of: certificate, within: 16 << 10)
        sha256Fingerprint = X509Reading.sha256(der)
        publicKeyPin = pin
        self.der = der
    }

    /// The certificate of the peer of `ssl`, of either role; `nil` when it showed none.
    init?(ofPeerOf ssl: OpaquePointer) {
        guard
            let certificate = unsafe OpenSSLObject(
                copenssl_SSL_get1_peer_certificate(ssl), releasedBy: { unsafe X509_free($0) })
        else { return nil }
        unsafe self.init(reading: certificate.pointer)
    }
}

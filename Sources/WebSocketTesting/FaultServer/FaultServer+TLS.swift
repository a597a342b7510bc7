extension FaultServer {
    /// The server's side of TLS. Nothing here is checked for sense: an expired certificate, a weak key
    /// or TLS 1.1 is what it is for.
    public struct TLS: Sendable {
        /// A version of TLS.
        public enum Version: Int, Sendable, CaseIterable, Comparable {
            // OpenSSL's numbers, which are those on the wire (RFC 8446 section 4.2.1).
            /// TLS 1.0, withdrawn by RFC 8996.
            case tls10 = 0x0301
            /// TLS 1.1, withdrawn by RFC 8996.
            case tls11 = 0x0302
            /// TLS 1.2 (RFC 5246).
            case tls12 = 0x0303
            /// TLS 1.3 (RFC 8446).
            case tls13 = 0x0304

            public static func < (left: Version, right: Version) -> Bool { left.rawValue < right.rawValue }
        }

        /// The server's own certificate, then those that lead to the root, as PEM.
        public var certificateChain: String
        /// The private key as PEM, not encrypted.
        public var privateKey: String
        /// The oldest version to accept.
        public var minimumVersion: Version
        /// The newest version to accept.
        public var maximumVersion: Version
        /// The authorities of client certificates as PEM. When not `nil`, a certificate that one of them has issued is
        /// demanded.
        public var clientAuthorities: String?

        /// A server's side from PEM texts.
        public init(
            certificateChain: String,
            privateKey: String,
            minimumVersion: Version = .tls12,
            maximumVersion: Version = .tls13,
            clientAuthorities: String? = nil
        ) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
            self.minimumVersion = minimumVersion
            self.maximumVersion = maximumVersion
            self.clientAuthorities = clientAuthorities
        }

        /// Shows a certificate of a ``CertificateAuthority`` with its chain.
        public init(
            _ certificate: IssuedCertificate,
            minimumVersion: Version = .tls12,
            maximumVersion: Version = .tls13,
            clientAuthority: CertificateAuthority? = nil
        ) {
            self.init(
                certificateChain: certificate.certificateChainPEM,
                privateKey: certificate.privateKeyPEM,
                minimumVersion: minimumVersion,
                maximumVersion: maximumVersion,
                clientAuthorities: clientAuthority?.certificatePEM
            )
        }
    }
}

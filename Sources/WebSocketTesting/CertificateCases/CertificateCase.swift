/// A server with one property of TLS or of its certificate that a client must get right: what badssl.com has and more, on
/// loopback.
///
/// ``verifyClient(_:within:concurrently:connectsByAddress:_:)`` runs a client through them, `badwss` serves them to clients in
/// any language, and ``CertificateCaseServers`` serves them in a test's process. New cases may come with new versions: keep a
/// `default`.
public enum CertificateCase: String, CaseIterable, Hashable, Sendable, Codable {
    // MARK: valid
    /// A chain in good order: root, intermediate and a P-256 certificate (RFC 5280 section 6.1). A right client accepts
    /// it.
    case validEC = "valid-ec"
    /// A chain in good order with an RSA key of 2048 bits (RFC 5280 section 6.1). A right client accepts it.
    case validRSA = "valid-rsa"
    /// Six intermediates between the root and the certificate (RFC 5280 section 6.1). A right client accepts it.
    case longChain = "long-chain"
    /// A certificate for the address 127.0.0.1 (RFC 9525 section 6.4; RFC 5280 section 4.2.1.6). A right client accepts
    /// it.
    case ipv4Address = "ipv4-address"
    /// A certificate for the address ::1 (RFC 9525 section 6.4; RFC 5280 section 4.2.1.6). A right client accepts it.
    case ipv6Address = "ipv6-address"
    /// *.cases.localhost for one label below it (RFC 9525 section 6.3). A right client accepts it.
    case wildcard = "wildcard"
    /// An empty subject, the name being in a critical subjectAltName (RFC 5280 section 4.2.1.6). A right client accepts
    /// it.
    case noSubject = "no-subject"
    /// The right name behind a thousand others (RFC 5280 section 4.2.1.6). A right client accepts it.
    case manyNames = "many-names"
    /// Two certificates for one intermediate, one of them expired: a path without it exists (RFC 4158 section 2.4; RFC
    /// 5280 section 6.1). A right client accepts it.
    case crossSigned = "cross-signed"
    /// An authority that may issue for localhost alone, and did (RFC 5280 section 4.2.1.10). A right client accepts it.
    case nameConstraintsMet = "name-constraints-met"
    /// A certificate that demands a stapled OCSP response, with one that calls it good (RFC 7633 section 4.2.3; RFC
    /// 6066 section 8). A right client accepts it.
    case ocspGood = "ocsp-good"
    /// Another certificate and key on the second connection, as good as the first (RFC 5280 section 6.1). A right
    /// client accepts it.
    case certificateRenewed = "certificate-renewed"
    // MARK: dates
    /// The certificate expired yesterday (RFC 5280 section 6.1.3 (a)(2)). A right client refuses it.
    case expired = "expired"
    /// The certificate is valid from tomorrow on (RFC 5280 section 6.1.3 (a)(2)). A right client refuses it.
    case notYetValid = "not-yet-valid"
    /// The intermediate expired yesterday (RFC 5280 section 6.1.3 (a)(2)). A right client refuses it.
    case expiredIntermediate = "expired-intermediate"
    // MARK: chain
    /// The server leaves out the intermediate that leads to the root (RFC 5280 section 6.1; RFC 8446 section 4.4.2). A
    /// right client refuses it.
    case missingIntermediate = "missing-intermediate"
    /// The certificate is signed by itself (RFC 5280 section 6.1). A right client refuses it.
    case selfSigned = "self-signed"
    /// The chain leads to a root that nobody trusts (RFC 5280 section 6.1). A right client refuses it.
    case untrustedRoot = "untrusted-root"
    /// The chain leads to a root with the trusted one's name and another key (RFC 5280 section 6.1.3 (a)(1)). A right
    /// client refuses it.
    case namesakeRoot = "namesake-root"
    /// The issuer's certificate lacks the CA bit (RFC 5280 section 6.1.4 (k)). A right client refuses it.
    case notAnAuthority = "not-an-authority"
    /// One more intermediate than the path length of an authority allows (RFC 5280 section 6.1.4 (l)). A right client
    /// refuses it.
    case pathLengthExceeded = "path-length-exceeded"
    /// An authority that may issue for example.com alone has issued for localhost (RFC 5280 section 6.1.3 (b)). A right
    /// client refuses it.
    case nameConstraintsViolated = "name-constraints-violated"
    /// An authority that must not issue for localhost has done so (RFC 5280 section 6.1.3 (c)). A right client refuses
    /// it.
    case nameConstraintsExcluded = "name-constraints-excluded"
    /// A certificate for clients only (extended key usage) (RFC 5280 section 4.2.1.12). A right client refuses it.
    case wrongPurpose = "wrong-purpose"
    /// A critical extension that nobody knows (RFC 5280 section 4.2). A right client refuses it.
    case unknownCriticalExtension = "unknown-critical-extension"
    /// One bit of the certificate's signature is wrong (RFC 5280 section 6.1.3 (a)(1)). A right client refuses it.
    case badSignature = "bad-signature"
    /// A good certificate on the first connection, one of another authority on the second (RFC 5280 section 6.1). A
    /// right client accepts the first connection and refuses the second.
    case certificateChanged = "certificate-changed"
    // MARK: names
    /// A certificate for example.com (RFC 9525 section 6.3). A right client refuses it.
    case wrongHost = "wrong-host"
    /// A certificate for the address 192.0.2.1 (RFC 9525 section 6.4). A right client refuses it.
    case wrongAddress = "wrong-address"
    /// *.cases.localhost for two labels below it (RFC 9525 section 6.3). A right client refuses it.
    case wildcardWrongDepth = "wildcard-wrong-depth"
    /// *.localhost for localhost itself (RFC 9525 section 6.3). A right client refuses it.
    case wildcardParent = "wildcard-parent"
    /// A lone * for localhost (RFC 9525 sections 6.3 and 7.1). A right client refuses it.
    case wildcardEverything = "wildcard-everything"
    /// The name `local*` for localhost, where a wildcard stands for a whole label (RFC 9525 section 6.3). A right client
    /// refuses it.
    case wildcardPartial = "wildcard-partial"
    /// The name in the subject's common name alone, without a subjectAltName (RFC 9525 sections 2 and 6.3). A right
    /// client refuses it.
    case commonNameOnly = "common-name-only"
    /// A subjectAltName without any name, and the name in the common name (RFC 5280 section 4.2.1.6; RFC 9525 section
    /// 6.3). A right client refuses it.
    case emptySubjectAltName = "empty-subject-alt-name"
    /// 127.0.0.1 as a DNS name, where an address is asked for (RFC 9525 section 6.4). A right client refuses it.
    case addressAsDNSName = "address-as-dns-name"
    /// The server's address alone, where its DNS name is asked for (RFC 9525 section 6.3). A right client refuses it.
    case nameAsAddress = "name-as-address"
    /// The name localhost with a NUL and more behind it (RFC 5280 section 4.2.1.6). A right client refuses it.
    case nulInName = "nul-in-name"
    /// The name localhost with a dot at its end (RFC 5280 section 4.2.1.6; RFC 1034 section 3.5). A right client refuses it.
    case trailingDot = "trailing-dot"
    /// A server that takes up the session of localhost by its address, which its certificate is not for (RFC 8446
    /// section 4.6.1). A right client accepts the first connection and refuses the second.
    case sessionForAnotherName = "session-for-another-name"
    // MARK: strength
    /// An RSA key of 1024 bits (RFC 9325 section 4.5). A right client refuses it.
    case weakKey = "weak-key"
    /// A certificate signed with SHA-1 (RFC 9155; RFC 9325 section 4.5). A right client refuses it.
    case sha1Signature = "sha1-signature"
    /// An intermediate signed with SHA-1 (RFC 9155; RFC 9325 section 4.5). A right client refuses it.
    case sha1Intermediate = "sha1-intermediate"
    /// A Diffie-Hellman group of 1024 bits, and nothing else (TLS 1.2) (RFC 9325 section 4.1). A right client refuses
    /// it.
    case weakDiffieHellman = "weak-diffie-hellman"
    /// Cipher suites without encryption only (TLS 1.2) (RFC 9325 section 4.1). A right client refuses it.
    case nullCipher = "null-cipher"
    // MARK: revocation
    /// A certificate that its issuer's revocation list names (RFC 5280 section 6.3). A right client refuses it.
    case revoked = "revoked"
    /// An intermediate that the root's revocation list names (RFC 5280 section 6.3). A right client refuses it.
    case revokedIntermediate = "revoked-intermediate"
    /// A stapled OCSP response that calls the certificate revoked (RFC 6066 section 8; RFC 6960 section 2.2). A right
    /// client refuses it.
    case ocspRevoked = "ocsp-revoked"
    /// A certificate that demands a stapled OCSP response, without one (RFC 7633 section 4.2.3). A right client refuses
    /// it.
    case ocspMissing = "ocsp-missing"
    /// A certificate that demands a stapled OCSP response, with one of last week (RFC 6960 section 3.2; RFC 7633
    /// section 4.2.3). A right client refuses it.
    case ocspOutdated = "ocsp-outdated"
    /// A certificate that demands a stapled OCSP response, with one that its issuer did not sign (RFC 6960 section
    /// 4.2.2.2; RFC 7633 section 4.2.3). A right client refuses it.
    case ocspForged = "ocsp-forged"
    // MARK: versions
    /// TLS 1.0 and nothing newer (RFC 8996 section 4). A right client refuses it.
    case tls10Only = "tls-1.0-only"
    /// TLS 1.1 and nothing newer (RFC 8996 section 5). A right client refuses it.
    case tls11Only = "tls-1.1-only"
    /// TLS 1.2 and nothing else (RFC 9325 section 3.1.1). A right client accepts it.
    case tls12Only = "tls-1.2-only"
    /// TLS 1.3 and nothing else (RFC 8446). A right client accepts it.
    case tls13Only = "tls-1.3-only"
    // MARK: clients
    /// A client certificate is demanded, and there is a right one to show (RFC 8446 section 4.4.2). A right client
    /// accepts it.
    case clientCertificate = "client-certificate"
    /// A client certificate is demanded, and there is none to show (RFC 8446 section 4.4.2.4). A right client refuses
    /// it.
    case clientCertificateAbsent = "client-certificate-absent"
    /// A client certificate is demanded, and the one to show is of another authority (RFC 8446 section 6.2). A right
    /// client refuses it.
    case clientCertificateUntrusted = "client-certificate-untrusted"
    /// A client certificate is demanded, and the one to show has expired (RFC 8446 section 6.2). A right client refuses
    /// it.
    case clientCertificateExpired = "client-certificate-expired"
    // MARK: handshake
    /// A server that serves only clients who name the host (SNI) (RFC 6066 section 3). A right client accepts it.
    case serverNameRequired = "server-name-required"
    /// The server chooses an application protocol that was not offered (ALPN) (RFC 7301 section 3.2). A right client
    /// refuses it.
    case wrongProtocol = "wrong-protocol"
    /// The answer is cut off, and the connection ends without close_notify (RFC 8446 section 6.1; RFC 9112 section
    /// 9.8). A right client refuses it. One that asks for a WebSocket is not judged: that has a closing handshake of its own.
    case noCloseNotify = "no-close-notify"
    /// The server accepts the connection and never says a word (RFC 9325 section 3; the client needs a time limit). A
    /// right client refuses it.
    case handshakeStalled = "handshake-stalled"
    /// The connection is reset in the middle of the handshake (RFC 8446 section 6.1). A right client refuses it.
    case handshakeReset = "handshake-reset"
    /// HTTP without TLS on the port (RFC 8446 section 6). A right client refuses it.
    case plainHTTP = "plain-http"
}

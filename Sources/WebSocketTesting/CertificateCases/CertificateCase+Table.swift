extension CertificateCase {
    /// The table of the cases.
    var facts: Facts {
        switch self {
        case .validEC:
            Facts(
                .valid, .accept, "a chain in good order: root, intermediate and a P-256 certificate",
                "RFC 5280 section 6.1")
        case .validRSA:
            Facts(
                .valid, .accept, "a chain in good order with an RSA key of 2048 bits",
                "RFC 5280 section 6.1")
        case .longChain:
            Facts(
                .valid, .accept, "six intermediates between the root and the certificate",
                "RFC 5280 section 6.1")
        case .ipv4Address:
            Facts(
                .valid, .accept, "a certificate for the address 127.0.0.1",
                "RFC 9525 section 6.4; RFC 5280 section 4.2.1.6", hosts: [.ipv4])
        case .ipv6Address:
            Facts(
                .valid, .accept, "a certificate for the address ::1",
                "RFC 9525 section 6.4; RFC 5280 section 4.2.1.6", hosts: [.ipv6])
        case .wildcard:
            Facts(
                .valid, .accept, "*.cases.localhost for one label below it",
                "RFC 9525 section 6.3", hosts: [.subdomain])
        case .noSubject:
            Facts(
                .valid, .accept, "an empty subject, the name being in a critical subjectAltName",
                "RFC 5280 section 4.2.1.6")
        case .manyNames:
            Facts(
                .valid, .accept, "the right name behind a thousand others",
                "RFC 5280 section 4.2.1.6")
        case .crossSigned:
            Facts(
                .valid, .accept, "two certificates for one intermediate, one of them expired: a path without it exists",
                "RFC 4158 section 2.4; RFC 5280 section 6.1")
        case .nameConstraintsMet:
            Facts(
                .valid, .accept, "an authority that may issue for localhost alone, and did",
                "RFC 5280 section 4.2.1.10")
        case .ocspGood:
            Facts(
                .valid, .accept, "a certificate that demands a stapled OCSP response, with one that calls it good",
                "RFC 7633 section 4.2.3; RFC 6066 section 8")
        case .certificateRenewed:
            Facts(
                .valid, .accept, "another certificate and key on the second connection, as good as the first",
                "RFC 5280 section 6.1", expectations: [.accept, .accept])
        case .expired:
            Facts(
                .dates, .refuse, "the certificate expired yesterday",
                "RFC 5280 section 6.1.3 (a)(2)")
        case .notYetValid:
            Facts(
                .dates, .refuse, "the certificate is valid from tomorrow on",
                "RFC 5280 section 6.1.3 (a)(2)")
        case .expiredIntermediate:
            Facts(
                .dates, .refuse, "the intermediate expired yesterday",
                "RFC 5280 section 6.1.3 (a)(2)")
        case .missingIntermediate:
            Facts(
                .chain, .refuse, "the server leaves out the intermediate that leads to the root",
                "RFC 5280 section 6.1; RFC 8446 section 4.4.2")
        case .selfSigned:
            Facts(
                .chain, .refuse, "the certificate is signed by itself",
                "RFC 5280 section 6.1")
        case .untrustedRoot:
            Facts(
                .chain, .refuse, "the chain leads to a root that nobody trusts",
                "RFC 5280 section 6.1")
        case .namesakeRoot:
            Facts(
                .chain, .refuse, "the chain leads to a root with the trusted one's name and another key",
                "RFC 5280 section 6.1.3 (a)(1)")
        case .notAnAuthority:
            Facts(
                .chain, .refuse, "the issuer's certificate lacks the CA bit",
                "RFC 5280 section 6.1.4 (k)")
        case .pathLengthExceeded:
            Facts(
                .chain, .refuse, "one more intermediate than the path length of an authority allows",
                "RFC 5280 section 6.1.4 (l)")
        case .nameConstraintsViolated:
            Facts(
                .chain, .refuse, "an authority that may issue for example.com alone has issued for localhost",
                "RFC 5280 section 6.1.3 (b)")
        case .nameConstraintsExcluded:
            Facts(
                .chain, .refuse, "an authority that must not issue for localhost has done so",
                "RFC 5280 section 6.1.3 (c)")
        case .wrongPurpose:
            Facts(
                .chain, .refuse, "a certificate for clients only (extended key usage)",
                "RFC 5280 section 4.2.1.12")
        case .unknownCriticalExtension:
            Facts(
                .chain, .refuse, "a critical extension that nobody knows",
                "RFC 5280 section 4.2")
        case .badSignature:
            Facts(
                .chain, .refuse, "one bit of the certificate's signature is wrong",
                "RFC 5280 section 6.1.3 (a)(1)")
        case .certificateChanged:
            Facts(
                .chain, .refuse, "a good certificate on the first connection, one of another authority on the second",
                "RFC 5280 section 6.1", expectations: [.accept, .refuse])
        case .wrongHost:
            Facts(
                .names, .refuse, "a certificate for example.com",
                "RFC 9525 section 6.3")
        case .wrongAddress:
            Facts(
                .names, .refuse, "a certificate for the address 192.0.2.1",
                "RFC 9525 section 6.4", hosts: [.ipv4])
        case .wildcardWrongDepth:
            Facts(
                .names, .refuse, "*.cases.localhost for two labels below it",
                "RFC 9525 section 6.3", hosts: [.deepSubdomain])
        case .wildcardParent:
            Facts(
                .names, .refuse, "*.localhost for localhost itself",
                "RFC 9525 section 6.3")
        case .wildcardEverything:
            Facts(
                .names, .refuse, "a lone * for localhost",
                "RFC 9525 sections 6.3 and 7.1")
        case .wildcardPartial:
            Facts(
                .names, .refuse, "local* for localhost: a wildcard stands for a whole label",
                "RFC 9525 section 6.3")
        case .commonNameOnly:
            Facts(
                .names, .refuse, "the name in the subject's common name alone, without a subjectAltName",
                "RFC 9525 sections 2 and 6.3")
        case .emptySubjectAltName:
            Facts(
                .names, .refuse, "a subjectAltName without any name, and the name in the common name",
                "RFC 5280 section 4.2.1.6; RFC 9525 section 6.3")
        case .addressAsDNSName:
            Facts(
                .names, .refuse, "127.0.0.1 as a DNS name, where an address is asked for",
                "RFC 9525 section 6.4", hosts: [.ipv4])
        case .nameAsAddress:
            Facts(
                .names, .refuse, "the server's address alone, where its DNS name is asked for",
                "RFC 9525 section 6.3")
        case .nulInName:
            Facts(
                .names, .refuse, "localhost, a NUL and more behind it",
                "RFC 5280 section 4.2.1.6")
        case .trailingDot:
            Facts(
                .names, .refuse, "localhost with a dot at its end",
                "RFC 5280 section 4.2.1.6; RFC 1034 section 3.5")
        case .sessionForAnotherName:
            Facts(
                .names, .refuse,
                "a server that takes up the session of localhost by its address, which its certificate is not for",
                "RFC 8446 section 4.6.1", hosts: [.name, .ipv4], expectations: [.accept, .refuse])
        case .weakKey:
            Facts(
                .strength, .refuse, "an RSA key of 1024 bits",
                "RFC 9325 section 4.5")
        case .sha1Signature:
            Facts(
                .strength, .refuse, "a certificate signed with SHA-1",
                "RFC 9155; RFC 9325 section 4.5")
        case .sha1Intermediate:
            Facts(
                .strength, .refuse, "an intermediate signed with SHA-1",
                "RFC 9155; RFC 9325 section 4.5")
        case .weakDiffieHellman:
            Facts(
                .strength, .refuse, "a Diffie-Hellman group of 1024 bits, and nothing else (TLS 1.2)",
                "RFC 9325 section 4.1")
        case .nullCipher:
            Facts(
                .strength, .refuse, "cipher suites without encryption only (TLS 1.2)",
                "RFC 9325 section 4.1")
        case .revoked:
            Facts(
                .revocation, .refuse, "a certificate that its issuer's revocation list names",
                "RFC 5280 section 6.3", needs: .revocationLists)
        case .revokedIntermediate:
            Facts(
                .revocation, .refuse, "an intermediate that the root's revocation list names",
                "RFC 5280 section 6.3", needs: .revocationLists)
        case .ocspRevoked:
            Facts(
                .revocation, .refuse, "a stapled OCSP response that calls the certificate revoked",
                "RFC 6066 section 8; RFC 6960 section 2.2", needs: .stapledResponse)
        case .ocspMissing:
            Facts(
                .revocation, .refuse, "a certificate that demands a stapled OCSP response, without one",
                "RFC 7633 section 4.2.3", needs: .stapledResponse)
        case .ocspOutdated:
            Facts(
                .revocation, .refuse, "a certificate that demands a stapled OCSP response, with one of last week",
                "RFC 6960 section 3.2; RFC 7633 section 4.2.3", needs: .stapledResponse)
        case .ocspForged:
            Facts(
                .revocation, .refuse,
                "a certificate that demands a stapled OCSP response, with one that its issuer did not sign",
                "RFC 6960 section 4.2.2.2; RFC 7633 section 4.2.3", needs: .stapledResponse)
        case .tls10Only:
            Facts(
                .versions, .refuse, "TLS 1.0 and nothing newer",
                "RFC 8996 section 4")
        case .tls11Only:
            Facts(
                .versions, .refuse, "TLS 1.1 and nothing newer",
                "RFC 8996 section 5")
        case .tls12Only:
            Facts(
                .versions, .accept, "TLS 1.2 and nothing else",
                "RFC 9325 section 3.1.1")
        case .tls13Only:
            Facts(
                .versions, .accept, "TLS 1.3 and nothing else",
                "RFC 8446")
        case .clientCertificate:
            Facts(
                .clients, .accept, "a client certificate is demanded, and there is a right one to show",
                "RFC 8446 section 4.4.2", needs: .clientCertificate)
        case .clientCertificateAbsent:
            Facts(
                .clients, .refuse, "a client certificate is demanded, and there is none to show",
                "RFC 8446 section 4.4.2.4", needs: .noClientCertificate)
        case .clientCertificateUntrusted:
            Facts(
                .clients, .refuse, "a client certificate is demanded, and the one to show is of another authority",
                "RFC 8446 section 6.2", needs: .clientCertificate)
        case .clientCertificateExpired:
            Facts(
                .clients, .refuse, "a client certificate is demanded, and the one to show has expired",
                "RFC 8446 section 6.2", needs: .clientCertificate)
        case .serverNameRequired:
            Facts(
                .handshake, .accept, "a server that serves only clients who name the host (SNI)",
                "RFC 6066 section 3")
        case .wrongProtocol:
            Facts(
                .handshake, .refuse, "the server chooses an application protocol that was not offered (ALPN)",
                "RFC 7301 section 3.2", needs: .applicationProtocols)
        case .noCloseNotify:
            Facts(
                .handshake, .refuse, "the answer is cut off, and the connection ends without close_notify",
                "RFC 8446 section 6.1; RFC 9112 section 9.8", needs: .plainRequest)
        case .handshakeStalled:
            Facts(
                .handshake, .refuse, "the server accepts the connection and never says a word",
                "RFC 9325 section 3; the client needs a time limit")
        case .handshakeReset:
            Facts(
                .handshake, .refuse, "the connection is reset in the middle of the handshake",
                "RFC 8446 section 6.1")
        case .plainHTTP:
            Facts(
                .handshake, .refuse, "HTTP without TLS on the port",
                "RFC 8446 section 6")
        }
    }
}

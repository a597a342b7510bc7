/// The sentence about a TLS failure: what was expected, what was presented, and what to do.
struct TLSFailureMessage {
    /// The facts about the certificate at fault beyond the `TLSFailure`.
    struct Certificate {
        /// In seconds since 1970.
        let validity: ClosedRange<Int64>?
        /// The number of certificates that the server sent.
        let sentCertificates: Int
        /// An authority with the issuer's name, and so with another key, is trusted.
        let issuerHasTrustedNamesake: Bool
        let presentedPins: [SPKIPin]
    }

    let failure: TLSFailure
    /// Host and port.
    let server: String
    let configuration: TLSClientConfiguration
    /// The versions that the client offers.
    let offered: ClosedRange<TLSProtocolVersion>
    let certificate: Certificate?

    var text: String {
        switch failure.reason {
        case .untrustedRoot: untrustedRoot
        case .selfSigned:
            """
            The certificate of \(server) is signed by itself and not trusted: \(subject). If it is the right one, trust it \
            with TLSClientConfiguration(trustRoots: .system.adding(.pemFile("certificate.pem"))).
            """
        case .expired:
            "\(theCertificate) expired on \(time(\.upperBound)): \(subject). Its owner has to renew it; if that date is in the future, check the clock of this machine."
        case .notYetValid:
            "\(theCertificate) is not valid before \(time(\.lowerBound)): \(subject). Check the clock of this machine."
        case .hostnameMismatch: hostnameMismatch
        case .revoked: "\(theCertificate) was revoked: \(subject). Its owner has to replace it."
        case .revocationUnknown: revocationUnknown
        case .invalidPurpose:
            """
            \(theCertificate) may not be used for a TLS server (its extended key usage says so): \(subject). The server \
            needs a certificate for server authentication.
            """
        case .invalidAuthority:
            """
            The chain of \(server) contains a certificate that may not issue others (basic constraints, key usage or \
            path length): \(subject). The server has to replace it.
            """
        case .weakKey:
            """
            \(theCertificate) has a key too small for OpenSSL's security level: \(subject). The server needs an RSA key \
            of at least 2048 bits or a P-256 key.
            """
        case .weakSignature:
            "\(theCertificate) is signed with a broken hash such as SHA-1: \(subject). It has to be issued again."
        case .invalidSignature:
            "\(theCertificate) carries a signature that its issuer did not make: \(subject), issued by \(issuer)."
        case .chainTooLong: "The certificate chain of \(server) is longer than OpenSSL's limit."
        case .pinMismatch: pinMismatch
        case .clientCertificateRequired:
            """
            \(server) demands a client certificate and none is configured. Give one with \
            TLSClientConfiguration(clientIdentity: .pemFiles(certificateChain: …, privateKey: …)).
            """
        case .clientCertificateRefused:
            """
            \(server) refused the client certificate (\(configuration.clientIdentity?.description ?? "none")) with the \
            alert \(detail). Check that it has not expired, is meant for client authentication, comes with its \
            intermediates, and that its authority is one the server trusts.
            """
        case .protocolVersion:
            """
            \(server) and this client have no TLS version in common: the client offers \(offeredVersions) \
            (\(versionSettings)).
            """
        case .notTLS:
            "\(server) does not speak TLS on this port. Is it the port of a plain ws:// server, or of another service?"
        case .alert: "\(server) ended the TLS handshake with the alert \(detail)\(alertHint(detail))."
        case .other:
            failure.depth == nil
                ? "The TLS connection to \(server) failed: \(detail)."
                : "\(theCertificate) was not accepted: \(detail) (\(subject))."
        }
    }

    private var offeredVersions: String {
        let (oldest, newest) = (offered.lowerBound, offered.upperBound)
        if oldest == newest { return "\(oldest) only" }
        return "\(oldest) to \(String(newest.description.dropFirst(4)))"
    }

    private var versionSettings: String {
        (configuration.maximumVersion == nil
            ? "TLSClientConfiguration.minimumVersion" : "TLSClientConfiguration.minimumVersion and maximumVersion")
            + (configuration.cipherSuites == nil ? "" : ", and the versions that the cipherSuites are for")
    }

    private var subject: String { failure.subject.map { $0.isEmpty ? "no subject" : $0 } ?? "unknown" }
    private var issuer: String { failure.issuer.map { $0.isEmpty ? "no name" : $0 } ?? "unknown" }

    private var theCertificate: String {
        switch failure.depth {
        case 0, nil: "The certificate of \(server)"
        case .some: "A certificate authority in the chain of \(server)"
        }
    }

    private func time(_ end: KeyPath<ClosedRange<Int64>, Int64>) -> String {
        certificate?.validity.map { X509Reading.text(ofTime: $0[keyPath: end]) } ?? "an unreadable date"
    }

    private var untrustedRoot: String {
        let authority = failure.subject == failure.issuer ? subject : issuer
        var text = "The certificate of \(server) is signed by an authority that is not trusted: \(authority). "
        if configuration.trustRoots.includesSystem, !SystemTrustRoots.exist {
            text += "This machine has no root certificates: install them (apt-get install ca-certificates). "
        }
        if certificate?.issuerHasTrustedNamesake == true {
            return text
                + """
                An authority of that name is trusted, but its key is another one: was the authority made anew, or the \
                server's certificate not issued again since? Trusted are now: \(configuration.trustRoots).
                """
        }
        if certificate?.sentCertificates == 1, failure.subject != failure.issuer {
            text += "If that is an intermediate authority, the server has to send its certificate too. "
        }
        return text
            + """
            If the authority is yours, add it: TLSClientConfiguration(trustRoots: .system.adding(.pemFile("ca.pem"))); trusted \
            are now: \(configuration.trustRoots).
            """
    }

    private var revocationUnknown: String {
        let cause =
            "Whether \(theCertificate.lowercasedFirst) was revoked cannot be told: \(detail) (\(subject), issued by \(issuer))."
        if failure.isAboutStapledResponse {
            return cause + " The server has to send a current OCSP response of that issuer along with its certificate."
        }
        return cause
            + """
             Give the issuer's current list in TLSClientConfiguration.revocationLists, or say there that a missing or an \
            outdated one will do.
            """
    }

    private var detail: String { failure.detail ?? "without a reason" }

    private var hostnameMismatch: String {
        let (expected, presented) = (failure.expectedName ?? server, failure.presentedNames)
        // A certificate may carry thousands of names.
        let shown = presented.prefix(10).joined(separator: ", ") + (presented.count > 10 ? ", …" : "")
        let names =
            presented.isEmpty
            ? "for no host at all: it has no subjectAltName, and its common name does not count (RFC 9525); \(subject)"
            : "for \(shown)"
        return """
            The certificate of \(server) is not for \(expected) but \(names). Connect by a name it is for, or set \
            TLSClientConfiguration.serverName.
            """
    }

    private var pinMismatch: String {
        let pins = (certificate?.presentedPins ?? []).map(\.description).joined(separator: ", ")
        return """
            No key in the certificate chain of \(server) is pinned. Its chain has \(pins.isEmpty ? "no readable key" : pins); \
            pinned are \(configuration.pinnedKeys.map(\.description).joined(separator: ", ")). Either the server changed \
            its key, or somebody is in between.
            """
    }

    private func alertHint(_ name: String) -> String {
        switch name {
        case "handshake_failure", "insufficient_security":
            ": the two have no cipher suite in common, or the server refuses this client"
        case "unrecognized_name": ": it serves no host of this name"
        case "no_application_protocol": ": it does not speak HTTP/1.1 on this port"
        case "internal_error": ": the failure is on the server's side"
        default: ""
        }
    }
}

extension String {
    /// For the middle of a sentence.
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}

extension CertificateCase {
    /// What a right client does.
    public enum Expectation: String, Hashable, Sendable, Codable {
        /// It connects, and talks to the server.
        case accept
        /// It ends the connection, and says so to whoever asked for it, before it has sent anything.
        case refuse
    }

    /// What a case is about.
    public enum Group: String, CaseIterable, Hashable, Sendable, Codable {
        /// Nothing is wrong, though something may be unusual.
        case valid
        /// Validity has ended or has not begun.
        case dates
        /// The chain leads nowhere, or breaks a rule on its way.
        case chain
        /// What the certificate is for.
        case names
        /// Keys, hashes and ciphers that are too weak.
        case strength
        /// What the issuer has taken back.
        case revocation
        /// The version of TLS.
        case versions
        /// The client's own certificate.
        case clients
        /// What else may happen in the handshake and after it.
        case handshake
    }

    /// What a client needs for the case to say something about it.
    public enum Need: String, Hashable, Sendable, Codable {
        /// It is given revocation lists, ``Trust/revocationListsPEM``.
        case revocationLists
        /// It asks for stapled OCSP responses, which shows in its ClientHello.
        case stapledResponse
        /// It can show the certificate of ``Trust/clientCertificate``.
        case clientCertificate
        /// It shows no certificate.
        case noClientCertificate
        /// It offers application protocols (ALPN), which shows in its ClientHello.
        case applicationProtocols
        /// It makes an HTTP request that is not for a WebSocket, which has lengths and a closing handshake of its own.
        case plainRequest
    }

    /// What the client connects to.
    enum Host {
        case name, ipv4, ipv6, subdomain, deepSubdomain

        var text: String {
            switch self {
            case .name: "localhost"
            case .ipv4: "127.0.0.1"
            case .ipv6: "::1"
            case .subdomain: "wildcard.cases.localhost"
            case .deepSubdomain: "too.deep.cases.localhost"
            }
        }

        var address: FaultServer.Address { self == .ipv6 ? .ipv6Loopback : .ipv4Loopback }
        /// Whether this machine may not know it: RFC 6761 section 6.3 asks of resolvers that they do.
        var mayBeUnknown: Bool { self == .subdomain || self == .deepSubdomain }
    }

    /// One connection of the client's.
    struct Attempt {
        let host: Host
        let expectation: Expectation
    }

    struct Facts {
        let group: Group
        let expectation: Expectation
        let explanation: String
        let reference: String
        let needs: Need?
        let attempts: [Attempt]

        init(
            _ group: Group, _ expectation: Expectation, _ explanation: String, _ reference: String,
            needs: Need? = nil, hosts: [Host] = [.name], expectations: [Expectation]? = nil
        ) {
            (self.group, self.expectation, self.explanation) = (group, expectation, explanation)
            (self.reference, self.needs) = (reference, needs)
            let expectations = expectations ?? [expectation]
            attempts = expectations.indices.map {
                Attempt(host: hosts[min($0, hosts.count - 1)], expectation: expectations[$0])
            }
        }
    }

    /// What a right client does; where the client has to connect twice, the second time.
    public var expectation: Expectation { facts.expectation }
    /// What is special about the server, in one line.
    public var explanation: String { facts.explanation }
    /// Where it is written what a client must do.
    public var reference: String { facts.reference }
    /// What the case is about.
    public var group: Group { facts.group }
    /// What a client needs for the case to say something about it; `nil` for nothing.
    public var need: Need? { facts.needs }
    /// The hosts that the client has to connect to, one after the other, and what it has to do each time.
    public var connections: [(host: String, expectation: Expectation)] {
        facts.attempts.map { ($0.host.text, $0.expectation) }
    }

    /// Whether a client that refuses has no business sending anything: what is wrong shows in the handshake, on the client's
    /// side.
    var mustSendNothing: Bool {
        guard facts.expectation == .refuse else { return false }
        switch self {
        case .noCloseNotify, .clientCertificateAbsent, .clientCertificateUntrusted, .clientCertificateExpired:
            return false
        default: return true
        }
    }
}

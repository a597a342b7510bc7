extension CertificateCase {
    /// The right conduct of a client.
    public enum Expectation: String, Hashable, Sendable, Codable {
        /// It connects, and talks to the server.
        case accept
        /// It ends the connection, and says so to whoever asked for it, before it has sent anything.
        case refuse
    }

    /// The subject of a case.
    public enum Group: String, CaseIterable, Hashable, Sendable, Codable {
        /// Nothing is wrong, though something may be unusual.
        case valid
        /// Validity has ended or has not begun.
        case dates
        /// The chain leads nowhere, or breaks a rule on its way.
        case chain
        /// The purpose and the names of the certificate.
        case names
        /// Keys, hashes and ciphers that are too weak.
        case strength
        /// Certificates that the issuer has taken back.
        case revocation
        /// The version of TLS.
        case versions
        /// The client's own certificate.
        case clients
        /// The rest of the handshake, and the time after it.
        case handshake
    }

    /// An ability or habit of a client without which the case says nothing about it.
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
        /// It makes a plain HTTP request. A WebSocket would not do: it has lengths and a closing handshake of its own.
        case plainRequest
    }

    /// The host that the client connects to.
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
        /// The name may be unknown to this machine: RFC 6761 section 6.3 asks of resolvers that they know it.
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

    /// The right conduct of a client; where the client has to connect twice, the second time.
    public var expectation: Expectation { facts.expectation }
    /// A line on what is special about the server.
    public var explanation: String { facts.explanation }
    /// The source that says what a client must do.
    public var reference: String { facts.reference }
    /// The subject of the case.
    public var group: Group { facts.group }
    /// The ability or habit that a client needs for the case to say something about it; `nil` for none.
    public var need: Need? { facts.needs }
    /// The hosts that the client has to connect to, one after the other, and what it has to do each time.
    public var connections: [(host: String, expectation: Expectation)] {
        facts.attempts.map { ($0.host.text, $0.expectation) }
    }

    /// A client that refuses has no business sending anything: what is wrong shows in the handshake, on the client's side.
    var mustSendNothing: Bool {
        guard facts.expectation == .refuse else { return false }
        switch self {
        case .noCloseNotify, .clientCertificateAbsent, .clientCertificateUntrusted, .clientCertificateExpired:
            return false
        default: return true
        }
    }
}

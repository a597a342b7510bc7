/// The servers of ``CertificateCase``s, in this process, each on a loopback port of its own, all certificates being of one
/// throw-away authority.
///
/// A server echoes the messages of a WebSocket, answers any other HTTP request with 200, and lets a client that says nothing
/// say nothing.
///
/// ```swift
/// let servers = try CertificateCaseServers.start([.expired])
/// let tls = TLSClientConfiguration(trustRoots: .pem(servers.authorityPEM))
/// let error = try await #require(throws: WebSocketError.self) {
///     try await WebSocket.connect(
///         to: servers.urls(of: .expired)[0], configuration: WebSocketConfiguration(tls: tls))
/// }
/// #expect(error.tlsFailure?.reason == .expired)
/// servers.stop()
/// ```
public final class CertificateCaseServers: Sendable {
    /// The cases that are served, in their order.
    public let cases: [CertificateCase]
    /// The authority's certificate in PEM: what a client is to trust, and nothing else.
    public let authorityPEM: String
    /// The current revocation lists of all authorities, in PEM.
    public let revocationListsPEM: String
    private let servers: [CertificateCase: CaseServer]
    private let clientCertificates: [CertificateCase: IssuedCertificate]

    /// Starts the servers.
    ///
    /// - Parameters:
    ///   - cases: The cases to serve. A case that this machine cannot serve, for want of IPv6, is left out; see
    ///     ``CertificateCaseServers/cases``.
    ///   - firstPort: The port of the first case, the following ones having the ports after it; 0 lets the system choose them.
    ///   - onConnection: Called with each connection that has ended, on a thread of the server's: it must not block.
    /// - Throws: ``FaultServerError`` when a port cannot be had, ``CertificateError`` when OpenSSL makes no certificates.
    public static func start(
        _ cases: [CertificateCase] = CertificateCase.allCases, firstPort: Int = 0,
        onConnection: @escaping @Sendable (CertificateCase, CertificateCase.Connection) -> Void = { _, _ in }
    ) throws -> CertificateCaseServers {
        guard firstPort == 0 || (1...65_536 - CertificateCase.allCases.count).contains(firstPort) else {
            throw FaultServerError(
                description:
                    "the first port is \(firstPort): it must be 0, or from 1 to \(65_536 - CertificateCase.allCases.count)"
            )
        }
        let authorities = try CaseAuthorities()
        var servers: [CertificateCase: CaseServer] = [:]
        var certificates: [CertificateCase: IssuedCertificate] = [:]
        do {
            for (offset, test) in CertificateCase.allCases.enumerated() where cases.contains(test) {
                if test == .ipv6Address, !Self.hasIPv6 { continue }
                // The same port for a case, whichever other ones are served.
                let port = firstPort == 0 ? 0 : UInt16(firstPort + offset)
                servers[test] = try CaseServer(test, script: try authorities.script(for: test), port: port) {
                    onConnection(test, $0)
                }
                certificates[test] = try authorities.clientCertificate(for: test)
            }
            return CertificateCaseServers(
                authorities, try authorities.revocationListsPEM(), servers, clientCertificates: certificates)
        } catch {
            for server in servers.values { server.stop() }
            throw error
        }
    }

    private init(
        _ authorities: CaseAuthorities, _ lists: String, _ servers: [CertificateCase: CaseServer],
        clientCertificates: [CertificateCase: IssuedCertificate]
    ) {
        cases = CertificateCase.allCases.filter { servers[$0] != nil }
        authorityPEM = authorities.root.certificatePEM
        revocationListsPEM = lists
        self.servers = servers
        self.clientCertificates = clientCertificates
    }

    /// The URLs that a client has to connect to, one after the other: most cases have one, some two.
    ///
    /// - Returns: Nothing for a case that is not served.
    public func urls(of test: CertificateCase, scheme: String = "wss") -> [String] {
        guard let port = port(of: test) else { return [] }
        return test.facts.attempts.map { attempt in
            let host = attempt.host.text
            return "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)/"
        }
    }

    /// The port of a case's server; `nil` for a case that is not served.
    public func port(of test: CertificateCase) -> Int? { servers[test].map { Int($0.port) } }

    /// Returns the certificate that a client shows the server of a case that demands one; `nil` for none.
    public func clientCertificate(for test: CertificateCase) -> IssuedCertificate? { clientCertificates[test] }

    /// Returns a record of each connection to a case's server that has ended, the last 1,024 of them.
    public func connections(to test: CertificateCase) -> [CertificateCase.Connection] { servers[test]?.ended ?? [] }

    func pin(_ test: CertificateCase, connection index: Int) { servers[test]?.pin(connection: index) }

    func idle(_ test: CertificateCase, within limit: Duration) async { await servers[test]?.idle(within: limit) }

    /// Stops the server of one case, and waits until its connections have ended.
    func stop(_ test: CertificateCase) { servers[test]?.stop() }

    /// Stops all servers. Stopping again does nothing.
    public func stop() {
        for server in servers.values { server.stop() }
    }

    private static var hasIPv6: Bool {
        // Any port will do to find out about the address.
        guard let listener = try? FaultServerListener(address: .ipv6Loopback) else { return false }
        listener.stop()
        return true
    }
}

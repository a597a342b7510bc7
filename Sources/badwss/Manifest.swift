import WebSocketTesting

/// The list of what is served where, for other programs.
struct Manifest: Codable, Hashable {
    struct Entry: Codable, Hashable {
        struct Connection: Codable, Hashable {
            let url: String
            let host: String
            let expectation: CertificateCase.Expectation
        }

        struct Identity: Codable, Hashable {
            let certificate: String
            let key: String
        }

        let name: CertificateCase
        let expectation: CertificateCase.Expectation
        let explanation: String
        let reference: String
        let need: CertificateCase.Need?
        let port: Int
        /// The connections that the client has to make, one after the other.
        let connections: [Connection]
        /// The certificate that the client is to show when it is asked for one.
        let clientCertificate: Identity?
    }

    /// The certificate of the one authority to trust, in PEM.
    let authority: String
    /// The revocation lists of all authorities, in PEM.
    let revocationLists: String
    let process: Int32
    let cases: [Entry]

    init(_ servers: CertificateCaseServers, _ files: CaseFiles, scheme: Scheme, process: Int32) {
        authority = files.authority
        revocationLists = files.revocationLists
        self.process = process
        cases = servers.cases.map { test in
            let urls = servers.urls(of: test, scheme: scheme.rawValue)
            return Entry(
                name: test, expectation: test.expectation, explanation: test.explanation, reference: test.reference,
                need: test.need, port: servers.port(of: test) ?? 0,
                connections: zip(urls, test.connections).map {
                    Entry.Connection(url: $0, host: $1.host, expectation: $1.expectation)
                },
                clientCertificate: test.group == .clients
                    ? files.clientCertificate(for: test).map {
                        Entry.Identity(certificate: $0.certificateChain, key: $0.privateKey)
                    } : nil)
        }
    }

    /// The table for people.
    func text(directory: String) -> String {
        let width = cases.map(\.name.rawValue.count).max() ?? 0
        let urlWidth = cases.flatMap(\.connections).map(\.url.count).max() ?? 0
        let lines = cases.flatMap { entry in
            entry.connections.enumerated().map { number, connection in
                let name = (number == 0 ? entry.name.rawValue : "").padded(to: width)
                let words = number == 0 ? entry.explanation : "the second connection"
                return "\(name)  \(connection.url.padded(to: urlWidth))  \(connection.expectation.rawValue)  \(words)"
            }
        }
        return (lines + ["", "authority  \(authority)", "manifest   \(directory)/manifest.json"])
            .map { $0 + "\n" }.joined()
    }
}

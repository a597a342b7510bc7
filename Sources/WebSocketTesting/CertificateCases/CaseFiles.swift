#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A directory with what clients in other languages need as files.
package struct CaseFiles: Sendable {
    package let directory: String
    package let authority: String
    package let revocationLists: String
    private let servers: CertificateCaseServers
    private let clientCertificates: [CertificateCase: IssuedCertificate.Files]

    /// Writes the files.
    ///
    /// - Parameter directory: An existing one; `nil` for a temporary one.
    package init(_ servers: CertificateCaseServers, in directory: String? = nil) throws {
        let manager = FileManager.default
        if let directory {
            self.directory = directory
        } else {
            let path = manager.temporaryDirectory.appending(path: "certificate-cases-\(UUID().uuidString)").path
            // The keys of a throw-away authority's certificates are nobody else's business either.
            try manager.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            self.directory = path
        }
        do {
            authority = "\(self.directory)/ca.pem"
            try writePEM(servers.authorityPEM, to: authority, mode: 0o644)
            revocationLists = "\(self.directory)/crl.pem"
            try writePEM(servers.revocationListsPEM, to: revocationLists, mode: 0o644)
            var files: [CertificateCase: IssuedCertificate.Files] = [:]
            var written: [[UInt8]: IssuedCertificate.Files] = [:]
            for test in servers.cases {
                guard let certificate = servers.clientCertificate(for: test) else { continue }
                let known = written[certificate.sha256Fingerprint]
                let name = test.group == .clients ? test.rawValue : "client"
                let made = try known ?? certificate.write(to: self.directory, name: name)
                written[certificate.sha256Fingerprint] = made
                files[test] = made
            }
            clientCertificates = files
        } catch {
            if directory == nil { try? manager.removeItem(atPath: self.directory) }
            throw error
        }
        self.servers = servers
    }

    /// Removes the directory with all that is in it.
    package func remove() {
        // Somebody else may have removed it.
        try? FileManager.default.removeItem(atPath: directory)
    }

    package func clientCertificate(for test: CertificateCase) -> IssuedCertificate.Files? { clientCertificates[test] }

    func trust(for test: CertificateCase, attempt: Int, within limit: Duration) throws -> CertificateCase.Trust {
        let host = test.facts.attempts[attempt].host
        return CertificateCase.Trust(
            test: test, authorityPEM: servers.authorityPEM, authorityFile: authority,
            revocationListsPEM: servers.revocationListsPEM, revocationListsFile: revocationLists,
            clientCertificate: servers.clientCertificate(for: test), clientCertificateFiles: clientCertificates[test],
            host: host.text, port: servers.port(of: test) ?? 0,
            address: host.address == .ipv6Loopback ? "::1" : "127.0.0.1", timeLimit: limit)
    }
}

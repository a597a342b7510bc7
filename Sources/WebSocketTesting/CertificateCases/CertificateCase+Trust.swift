public import LibWebSockets

extension CertificateCase {
    /// The settings that a client under test is given along with the URL: whom to trust, and what to show.
    public struct Trust: Sendable {
        /// The case, for a client that prints or branches by it. One that is right by looking at it proves nothing.
        public let test: CertificateCase
        /// The certificate, in PEM, of the one authority to trust.
        public let authorityPEM: String
        /// The same in a file, for clients that want one.
        public let authorityFile: String
        /// The current revocation lists of all authorities, in PEM. Cases with ``CertificateCase/Need/revocationLists`` are about
        /// them.
        public let revocationListsPEM: String
        /// The same in a file.
        public let revocationListsFile: String
        /// The certificate for a server that demands one; `nil` for none.
        public let clientCertificate: IssuedCertificate?
        /// The same in files.
        public let clientCertificateFiles: IssuedCertificate.Files?
        /// The URL's host: what the server's certificate has to be for.
        public let host: String
        /// The URL's port.
        public let port: Int
        /// The address behind the host: 127.0.0.1 or ::1.
        public let address: String
        /// The time limit for the client. A client that sets itself a shorter one is told of a server that stalls.
        public let timeLimit: Duration

        /// All of it as a configuration of this package's client.
        public var tls: TLSClientConfiguration {
            TLSClientConfiguration(
                trustRoots: .pem(authorityPEM), clientIdentity: clientCertificate?.identity, serverName: host,
                revocationLists: RevocationLists([.pem(revocationListsPEM)]))
        }

        /// The URL with the address in the host's place, for clients that are told the name separately.
        public var addressURL: String { "wss://\(address.contains(":") ? "[\(address)]" : address):\(port)/" }
    }
}

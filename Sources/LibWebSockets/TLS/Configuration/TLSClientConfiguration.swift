/// The settings of a client's TLS connections.
///
/// The defaults are the secure ones: TLS 1.2 or newer, the system's roots, the certificate's name and dates checked.
/// Three separate switches whose names begin with `insecure` turn off one check each; none turns off another's.
public struct TLSClientConfiguration: Hashable, Sendable {
    /// The authorities that may have signed the server's certificate. The default is ``TrustRoots/system``.
    public var trustRoots: TrustRoots

    /// The certificate and key for a server that asks for a client certificate. The default is none.
    public var clientIdentity: TLSIdentity?

    /// The oldest version to speak. The default is TLS 1.2.
    public var minimumVersion: TLSProtocolVersion

    /// The newest version to speak. The default, `nil`, is what OpenSSL has; to find out whether a server speaks a certain
    /// version, set both to that.
    public var maximumVersion: TLSProtocolVersion?

    /// The only cipher suites to offer, by OpenSSL's names (`openssl ciphers -v`), the preferred ones first; a version of
    /// TLS for which none is named is not spoken. Words for groups of suites, such as `HIGH`, are refused. The default,
    /// `nil`, leaves the choice to OpenSSL.
    public var cipherSuites: [String]?

    /// Public keys of which at least one must be in the server's verified chain, at any depth. Empty (the default)
    /// means that any will do.
    ///
    /// Pins are checked **in addition** to trust. To rely on them alone (a self-signed server), set
    /// ``insecureAcceptsUntrustedRoots`` too. Always pin a spare key: a server that has lost its key is locked out.
    public var pinnedKeys: [SPKIPin]

    /// The name to ask for (SNI) and to find in the server's certificate, where it is not the URL's host: a DNS name, or
    /// an IP address for a certificate of an address. The default, `nil`, takes the URL's host.
    public var serverName: String?

    /// Accepts a server whose certificate no trusted authority signed, a self-signed one included. Anybody on the way
    /// can then impersonate the server, unless ``pinnedKeys`` says which key it has. Off by default.
    public var insecureAcceptsUntrustedRoots: Bool

    /// Accepts a certificate for another name. Anybody with any valid certificate can then impersonate the server. Off by
    /// default; ``serverName`` is nearly always what is wanted instead.
    public var insecureAcceptsAnyHostname: Bool

    /// Accepts certificates that have expired or are not valid yet. Off by default.
    public var insecureAcceptsExpiredCertificates: Bool

    /// Revocation lists to look the server's chain up in. The default, `nil`, looks at none.
    public var revocationLists: RevocationLists?

    /// The treatment of the OCSP response that a server may send along with its certificate. The default is
    /// ``OCSPStapling/honored``.
    public var ocspStapling: OCSPStapling

    /// The longest time for which one check of a server's certificate counts for later connections too. These take up the
    /// session of an earlier one and are shown no certificate (RFC 8446 section 2.2). A server whose certificate was replaced
    /// or revoked may go unnoticed for as long. Zero means that no session is taken up; seven days is the most (section 4.6.1).
    /// The default is one day. A session never outlives the validity of the chain, of the revocation lists and of the stapled
    /// response that it was verified with, and none is taken up once a file of ``revocationLists`` has changed.
    public var maximumSessionAge: Duration

    /// A file that the secrets of every session are appended to, in the format that Wireshark reads (`SSLKEYLOGFILE`, RFC
    /// 9850). Anybody who has it can read the traffic: it is made with mode 0600, an existing one is given that mode, and a
    /// symbolic link, a FIFO or another user's file is refused. Off (`nil`) by default; the environment is not looked at.
    public var keyLogFile: String?

    /// A configuration; every parameter is the property of the same name, with its secure default.
    public init(
        trustRoots: TrustRoots = .system,
        clientIdentity: TLSIdentity? = nil,
        minimumVersion: TLSProtocolVersion = .tls12,
        maximumVersion: TLSProtocolVersion? = nil,
        cipherSuites: [String]? = nil,
        pinnedKeys: [SPKIPin] = [],
        serverName: String? = nil,
        insecureAcceptsUntrustedRoots: Bool = false,
        insecureAcceptsAnyHostname: Bool = false,
        insecureAcceptsExpiredCertificates: Bool = false,
        revocationLists: RevocationLists? = nil,
        ocspStapling: OCSPStapling = .honored,
        maximumSessionAge: Duration = .seconds(86_400),
        keyLogFile: String? = nil
    ) {
        self.trustRoots = trustRoots
        self.clientIdentity = clientIdentity
        self.minimumVersion = minimumVersion
        self.maximumVersion = maximumVersion
        self.cipherSuites = cipherSuites
        self.pinnedKeys = pinnedKeys
        self.serverName = serverName
        self.insecureAcceptsUntrustedRoots = insecureAcceptsUntrustedRoots
        self.insecureAcceptsAnyHostname = insecureAcceptsAnyHostname
        self.insecureAcceptsExpiredCertificates = insecureAcceptsExpiredCertificates
        self.revocationLists = revocationLists
        self.ocspStapling = ocspStapling
        self.maximumSessionAge = maximumSessionAge
        self.keyLogFile = keyLogFile
    }

    /// The files whose change makes a new `SSL_CTX` necessary, and what is in memory.
    var files: [FileOrBytes] {
        trustRoots.files + (clientIdentity?.sources ?? []) + (revocationLists?.sources.map(\.origin) ?? [])
    }

    /// The files that making an `SSL_CTX` reads or writes, which may take as long as the file system likes.
    var paths: Set<String> { files.paths.union(keyLogFile.map { [$0] } ?? []) }

    /// The part on which the `SSL_CTX` depends: the rest, which each connection decides for itself, is the default.
    var sharedPart: TLSClientConfiguration {
        TLSClientConfiguration(
            trustRoots: trustRoots, clientIdentity: clientIdentity, minimumVersion: minimumVersion,
            maximumVersion: maximumVersion, cipherSuites: cipherSuites, revocationLists: revocationLists,
            keyLogFile: keyLogFile)
    }

    /// Seven days, whatever the server says (RFC 8446 section 4.6.1).
    static let longestSessionAge: Int64 = 7 * 86_400

    /// Checks what can be checked without reading a file.
    func validate() throws(WebSocketError) {
        if let serverName { _ = try TLSPeerName(serverName) }
        if let maximumVersion, maximumVersion < minimumVersion {
            throw .invalidTLSConfiguration(
                "maximumVersion is \(maximumVersion), which is older than minimumVersion, \(minimumVersion).")
        }
        if let revocationLists, revocationLists.sources.isEmpty {
            throw .invalidTLSConfiguration(
                "revocationLists names no list: give one, or nil to look at none.")
        }
        guard maximumSessionAge >= .zero, maximumSessionAge <= .seconds(Self.longestSessionAge) else {
            throw .invalidTLSConfiguration(
                """
                maximumSessionAge is \(maximumSessionAge): it must be from 0 to seven days, the longest that TLS allows \
                (RFC 8446 section 4.6.1).
                """)
        }
    }
}

extension TLSClientConfiguration: CustomStringConvertible {
    /// Everything that differs from the defaults; never a key or a passphrase.
    public var description: String {
        var parts = ["trust roots: \(trustRoots)", "\(minimumVersion) or newer"]
        if let maximumVersion { parts.append("\(maximumVersion) or older") }
        if let clientIdentity { parts.append("client identity: \(clientIdentity)") }
        if let cipherSuites { parts.append("cipher suites: \(cipherSuites.joined(separator: ", "))") }
        if !pinnedKeys.isEmpty { parts.append("pins: \(pinnedKeys.map(\.description).joined(separator: ", "))") }
        if let serverName { parts.append("server name: \(serverName)") }
        if insecureAcceptsUntrustedRoots { parts.append("INSECURE: untrusted roots accepted") }
        if insecureAcceptsAnyHostname { parts.append("INSECURE: any host name accepted") }
        if insecureAcceptsExpiredCertificates { parts.append("INSECURE: expired certificates accepted") }
        if let revocationLists { parts.append("\(revocationLists)") }
        if ocspStapling != .honored { parts.append("OCSP stapling: \(ocspStapling)") }
        if maximumSessionAge != .seconds(86_400) { parts.append("sessions for \(maximumSessionAge)") }
        if let keyLogFile { parts.append("key log: \(keyLogFile)") }
        return "TLSClientConfiguration(\(parts.joined(separator: "; ")))"
    }
}

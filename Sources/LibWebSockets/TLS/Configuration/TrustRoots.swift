/// The certificate authorities a peer's certificate may descend from.
///
/// Custom roots **replace** the system's: `.pemFile("ca.pem")` trusts that authority and no other. To trust both, write
/// `.system.adding(.pemFile("ca.pem"))`.
public struct TrustRoots: Hashable, Sendable {
    enum Source: Hashable, Sendable {
        case system
        case certificates(FileOrBytes)
    }

    let sources: [Source]

    /// The authorities that this machine trusts: OpenSSL's default file and directory (`/etc/ssl/certs` on Debian, filled
    /// by the package `ca-certificates`), or those that the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    ///
    /// They are read again when the file has changed, or when a file was added to the directory or removed from it.
    public static let system = TrustRoots(sources: [.system])

    /// The certificates in a PEM file, any number of them.
    ///
    /// The file is read when a connection needs it, and again after it changed.
    public static func pemFile(_ path: String) -> TrustRoots {
        TrustRoots(sources: [.certificates(.file(path))])
    }

    /// The certificates in a PEM text, any number of them.
    public static func pem(_ text: String) -> TrustRoots { pem(Array(text.utf8)) }

    /// The certificates in the bytes of a PEM text, any number of them.
    public static func pem(_ bytes: [UInt8]) -> TrustRoots {
        TrustRoots(sources: [.certificates(.bytes(bytes))])
    }

    /// These roots and those of `other`.
    public func adding(_ other: TrustRoots) -> TrustRoots {
        TrustRoots(sources: sources + other.sources.filter { !sources.contains($0) })
    }

    var includesSystem: Bool { sources.contains(.system) }

    /// The files and directories whose change makes a new trust store necessary, and what is in memory.
    var files: [FileOrBytes] {
        sources.flatMap { source in
            switch source {
            case .system: SystemTrustRoots.paths.map { FileOrBytes.file($0) }
            case .certificates(let origin): [origin]
            }
        }
    }
}

extension TrustRoots: CustomStringConvertible {
    public var description: String {
        sources.map { source in
            switch source {
            case .system: "system"
            case .certificates(let origin): origin.description
            }
        }.joined(separator: " + ")
    }
}

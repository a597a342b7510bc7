/// A certificate chain with its private key, with which a client or a server proves who it is.
///
/// Descriptions and reflections of it show where it comes from, never the key or the passphrase.
public struct TLSIdentity: Hashable, Sendable {
    enum Format: Hashable, Sendable {
        case pem(chain: FileOrBytes, key: FileOrBytes)
        case pkcs12(FileOrBytes)
    }

    let format: Format
    let passphrase: String?

    /// A chain and a key in PEM files.
    ///
    /// - Parameters:
    ///   - certificateChain: The path of the own certificate, followed by the intermediates that lead to the root.
    ///   - privateKey: The path of the key (PKCS#8, PKCS#1 or SEC1); may be the same file.
    ///   - passphrase: Opens an encrypted key.
    public static func pemFiles(
        certificateChain: String, privateKey: String, passphrase: String? = nil
    ) -> TLSIdentity {
        TLSIdentity(format: .pem(chain: .file(certificateChain), key: .file(privateKey)), passphrase: passphrase)
    }

    /// A chain and a key as PEM texts, in the order that ``pemFiles(certificateChain:privateKey:passphrase:)`` wants.
    public static func pem(certificateChain: String, privateKey: String, passphrase: String? = nil) -> TLSIdentity {
        TLSIdentity(
            format: .pem(chain: .bytes(Array(certificateChain.utf8)), key: .bytes(Array(privateKey.utf8))),
            passphrase: passphrase)
    }

    /// A chain and a key in one PKCS#12 file (`.p12`, `.pfx`).
    ///
    /// OpenSSL 3 refuses files encrypted with RC2 or 3DES, which older tools write; export those again.
    public static func pkcs12File(_ path: String, passphrase: String) -> TLSIdentity {
        TLSIdentity(format: .pkcs12(.file(path)), passphrase: passphrase)
    }

    /// A chain and a key in the bytes of a PKCS#12 file.
    public static func pkcs12(_ bytes: [UInt8], passphrase: String) -> TLSIdentity {
        TLSIdentity(format: .pkcs12(.bytes(bytes)), passphrase: passphrase)
    }

    var sources: [FileOrBytes] {
        switch format {
        case .pem(let chain, let key): [chain, key]
        case .pkcs12(let content): [content]
        }
    }
}

extension TLSIdentity: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        switch format {
        case .pem(.file(let chain), .file(let key)): "certificate chain \(chain), key \(key)"
        case .pem: "certificate chain and key in memory"
        case .pkcs12(.file(let path)): "PKCS#12 file \(path)"
        case .pkcs12: "PKCS#12 in memory"
        }
    }

    public var debugDescription: String { "TLSIdentity(\(description))" }

    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

internal import Synchronization
internal import COpenSSL

/// A set of trust roots as an `X509_STORE`, the one that all contexts with these roots and revocation lists share: the
/// system's take nearly a megabyte.
@safe final class TrustStore: Sendable {
    private struct Key: Hashable, Sendable {
        let roots: TrustRoots
        let lists: [RevocationLists.Source]
        let stamps: FileStamps
    }

    private struct Weak {
        weak var store: TrustStore?
    }

    private static let stores = Lock<[Key: Weak]>([:])

    /// OpenSSL locks a store for itself, and after `init` nothing changes it but the certificates that it finds in a
    /// directory of roots.
    nonisolated(unsafe) private let store: OpaquePointer
    private let key: Key
    /// The time at which the first issuer is left without a current list, in seconds since 1970; `nil` where none says so.
    let revocationListExpiry: Int64?

    /// The store for these roots: one that is in use already, as long as none of their files has changed since.
    static func shared(
        _ roots: TrustRoots, revocationLists lists: [RevocationLists.Source] = []
    ) throws(WebSocketError) -> TrustStore {
        let key = Key(roots: roots, lists: lists, stamps: FileStamps(of: roots.files + lists.map(\.origin)))
        if let store = stores.withLock({ $0[key]?.store }) { return store }
        let made = try TrustStore(key)
        return stores.withLock { stores in
            if let earlier = stores[key]?.store { return earlier }
            stores[key] = Weak(store: made)
            return made
        }
    }

    private init(_ key: Key) throws(WebSocketError) {
        ERR_clear_error()
        guard let owned = unsafe OpenSSLObject(X509_STORE_new(), releasedBy: { unsafe X509_STORE_free($0) }) else {
            throw .invalidTLSConfiguration("OpenSSL cannot make a trust store: \(OpenSSLError.takeText()).")
        }
        for source in key.roots.sources {
            switch source {
            case .system:
                guard unsafe X509_STORE_set_default_paths(owned.pointer) == 1 else {
                    throw .invalidTLSConfiguration(
                        "The system's root certificates cannot be loaded: \(OpenSSLError.takeText()).")
                }
                // A default file that is missing is no error, but it leaves entries in the queue.
                ERR_clear_error()
            case .certificates(let origin):
                try unsafe Self.add(origin, to: owned.pointer)
            }
        }
        revocationListExpiry = try unsafe RevocationLists.add(key.lists, to: owned.pointer)
        self.key = key
        unsafe X509_STORE_up_ref(owned.pointer)
        unsafe store = owned.pointer
    }

    deinit {
        unsafe X509_STORE_free(store)
        Self.stores.withLock { stores in
            // Somebody may have made it anew meanwhile.
            if let entry = stores[key], entry.store == nil { stores[key] = nil }
        }
    }

    private static func add(_ origin: FileOrBytes, to store: OpaquePointer) throws(WebSocketError) {
        let text = try origin.read(for: "CA certificates")
        let certificates = try PEM.certificates(text, from: origin, for: "CA certificates")
        for index in 0..<(unsafe copenssl_sk_X509_num(certificates.pointer)) {
            let certificate = unsafe copenssl_sk_X509_value(certificates.pointer, index)
            guard unsafe X509_STORE_add_cert(store, certificate) == 1 else {
                throw .invalidTLSConfiguration(
                    "CA certificate \(index + 1) (\(origin)) cannot be used: \(OpenSSLError.takeText()).")
            }
        }
    }

    /// Makes the `SSL_CTX` trust these roots and nothing else. It takes a reference of its own.
    func use(on sslContext: OpaquePointer) {
        unsafe SSL_CTX_set1_cert_store(sslContext, store)
        // A root the user names is trusted as it is, also when it is an intermediate or the server's own certificate.
        unsafe X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(sslContext), UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    /// Tells whether anything is kept of these roots.
    static func isKnown(_ roots: TrustRoots) -> Bool { stores.withLock { $0.keys.contains { $0.roots == roots } } }
}

internal import COpenSSL

/// Certificate revocation lists (RFC 5280 section 5), and what is to be looked up in them.
///
/// Nothing is fetched: the lists are those that are given here, signed by the authorities whose certificates they are about.
/// Files are read when a connection needs them, and again after they changed, so that whatever fetches the lists only has
/// to replace them.
///
/// ```swift
/// let tls = TLSClientConfiguration(
///     trustRoots: .pemFile("/etc/example/ca.pem"),
///     revocationLists: RevocationLists([.pemFile("/var/lib/example/crl.pem")], checking: .leafOnly))
/// ```
public struct RevocationLists: Hashable, Sendable {
    /// The certificates of the chain to look up.
    public enum Scope: Hashable, Sendable {
        /// The server's own. Its issuer's list is needed.
        case leafOnly
        /// All but the trusted root, which is trusted as it is. The list of each authority in the chain is needed.
        case wholeChain
    }

    /// The treatment of a certificate about which there is no answer.
    public enum Rule: Hashable, Sendable {
        /// It is refused, as ``TLSFailure/Reason/revocationUnknown``.
        case refuse
        /// It counts as not revoked.
        case accept
    }

    /// A source of lists.
    public struct Source: Hashable, Sendable {
        enum Format: Hashable, Sendable { case pem, der }

        let origin: FileOrBytes
        let format: Format

        /// The lists in a PEM file (`-----BEGIN X509 CRL-----`), any number of them.
        public static func pemFile(_ path: String) -> Source { Source(origin: .file(path), format: .pem) }
        /// The lists in a PEM text, any number of them.
        public static func pem(_ text: String) -> Source { Source(origin: .bytes(Array(text.utf8)), format: .pem) }
        /// The list in a DER file, as authorities publish it (RFC 5280 section 4.2.1.13).
        public static func derFile(_ path: String) -> Source { Source(origin: .file(path), format: .der) }
        /// The list in DER.
        public static func der(_ bytes: [UInt8]) -> Source { Source(origin: .bytes(bytes), format: .der) }
    }

    /// The sources of the lists; at least one.
    public var sources: [Source]
    /// The certificates to look up. The default is ``Scope/wholeChain``.
    public var scope: Scope
    /// The rule where there is no list of a certificate's issuer. The default is ``Rule/refuse``.
    public var whenMissing: Rule
    /// The rule where an issuer's list says that a newer one should exist by now (`nextUpdate`). The certificates that it
    /// lists are refused in any case. The default is ``Rule/refuse``.
    public var whenOutOfDate: Rule

    /// Lists to look the server's chain up in.
    ///
    /// - Parameters:
    ///   - sources: The sources of the lists; at least one. Each may be up to 16 MiB.
    ///   - scope: The certificates to look up.
    ///   - whenMissing: The rule where there is no list of a certificate's issuer.
    ///   - whenOutOfDate: The rule where the newest list of an issuer is older than it may be.
    public init(
        _ sources: [Source], checking scope: Scope = .wholeChain, whenMissing: Rule = .refuse,
        whenOutOfDate: Rule = .refuse
    ) {
        self.sources = sources
        self.scope = scope
        self.whenMissing = whenMissing
        self.whenOutOfDate = whenOutOfDate
    }

    var verificationFlags: UInt {
        UInt(X509_V_FLAG_CRL_CHECK) | (scope == .wholeChain ? UInt(X509_V_FLAG_CRL_CHECK_ALL) : 0)
    }

    /// Tells whether a rule accepts this `X509_V_ERR_…`.
    func accepts(_ code: Int32) -> Bool {
        switch code {
        // A list of another scope is none for this certificate.
        case X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_DIFFERENT_CRL_SCOPE: whenMissing == .accept
        case X509_V_ERR_CRL_HAS_EXPIRED: whenOutOfDate == .accept
        default: false
        }
    }
}

extension RevocationLists: CustomStringConvertible {
    public var description: String {
        let origins = sources.map { "\($0.origin)" }.joined(separator: " + ")
        var text = "revocation lists: \(origins), \(scope == .leafOnly ? "leaf only" : "whole chain")"
        if whenMissing == .accept { text += ", missing ones accepted" }
        if whenOutOfDate == .accept { text += ", outdated ones accepted" }
        return text
    }
}

// MARK: - Reading

extension RevocationLists {
    /// Adds lists to a store.
    ///
    /// - Returns: The time at which the first issuer is left without a current list, in seconds since 1970.
    static func add(_ sources: [Source], to store: OpaquePointer) throws(WebSocketError) -> Int64? {
        // Of several lists of one issuer the newest counts.
        var ends: [String: Int64] = [:]
        for source in sources {
            try unsafe forEachList(in: source) { list throws(WebSocketError) in
                guard unsafe X509_STORE_add_crl(store, list) == 1 else {
                    throw .invalidTLSConfiguration(
                        "A revocation list (\(source.origin)) cannot be used: \(OpenSSLError.takeText()).")
                }
                let issuer = unsafe X509Reading.text(of: X509_CRL_get_issuer(list))
                guard let end = unsafe X509Reading.seconds(X509_CRL_get0_nextUpdate(list)) else { return }
                ends[issuer] = max(ends[issuer] ?? .min, end)
            }
        }
        return ends.values.min()
    }

    private static func forEachList(
        in source: Source, _ body: (OpaquePointer) throws(WebSocketError) -> Void
    ) throws(WebSocketError) {
        let origin = source.origin
        let content = try origin.read(for: "revocation lists")
        ERR_clear_error()
        guard let bio = OpenSSLObject.memoryBIO(reading: content) else {
            throw .invalidTLSConfiguration("Out of memory while reading the revocation lists.")
        }
        func next() -> OpenSSLObject? {
            let list =
                source.format == .pem
                ? unsafe PEM_read_bio_X509_CRL(bio.pointer, nil, nil, nil) : unsafe d2i_X509_CRL_bio(bio.pointer, nil)
            return unsafe OpenSSLObject(list, releasedBy: { unsafe X509_CRL_free($0) })
        }
        var count = 0
        while let list = next() {
            count += 1
            try unsafe body(list.pointer)
            if source.format == .der { break }
        }
        let error = OpenSSLError.take()
        if source.format == .der {
            guard count == 1 else {
                throw .invalidTLSConfiguration(
                    "\(origin) is not a revocation list in DER: \(error?.text ?? "no reason given").")
            }
            return
        }
        // The end of the text looks to OpenSSL like a missing start line; anything else is a broken list.
        guard let error, error.isPEM, error.reason == PEM_R_NO_START_LINE else {
            throw .invalidTLSConfiguration(
                "Revocation list \(count + 1) (\(origin)) is damaged: \(error?.text ?? "no reason given").")
        }
        guard count > 0 else {
            let hint =
                content.first == 0x30 ? " It looks like DER: use derFile or der." : ""
            throw .invalidTLSConfiguration(
                "\(origin) holds no PEM revocation list (-----BEGIN X509 CRL-----).\(hint)")
        }
    }
}

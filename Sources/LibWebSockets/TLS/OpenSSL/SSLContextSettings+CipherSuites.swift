internal import COpenSSL
internal import LibC

extension SSLContextSettings {
    /// Offers these cipher suites and no others.
    ///
    /// OpenSSL keeps two lists, one for TLS 1.3 and one for the older versions. A version that no suite is named for is
    /// switched off, since OpenSSL would otherwise offer its defaults for it.
    static func setCipherSuites(
        _ names: [String], minimumVersion: TLSProtocolVersion, on sslContext: OpaquePointer
    ) throws(WebSocketError) {
        guard !names.isEmpty else { throw .invalidTLSConfiguration("The list of cipher suites is empty.") }
        for name in names {
            let isWord =
                !name.isEmpty
                && name.utf8.allSatisfy { byte in
                    UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
                        || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || byte == UInt8(ascii: "-")
                        || byte == UInt8(ascii: "_")
                }
            // One by one, because OpenSSL passes over an unknown name in a list.
            guard isWord, unsafe set(name, on: sslContext) else {
                ERR_clear_error()
                throw .invalidTLSConfiguration(
                    "This OpenSSL knows no cipher suite \"\(name)\"; see `openssl ciphers -v` for its names.")
            }
            guard unsafe isOffered(name, by: sslContext) else {
                throw .invalidTLSConfiguration(
                    """
                    "\(name)" is OpenSSL's word for a group of cipher suites, not the name of one: name each suite, those \
                    of TLS 1.3 too if it is to be spoken (`openssl ciphers -v \(name)` lists the group).
                    """)
            }
        }
        let tls13 = names.filter(isTLS13)
        let older = names.filter { !isTLS13($0) }
        if tls13.isEmpty {
            guard minimumVersion < .tls13 else {
                throw .invalidTLSConfiguration("None of the cipher suites is one of TLS 1.3, the minimum version.")
            }
            unsafe copenssl_SSL_CTX_set_max_proto_version(sslContext, TLS1_2_VERSION)
        } else {
            unsafe SSL_CTX_set_ciphersuites(sslContext, tls13.joined(separator: ":"))
        }
        if older.isEmpty {
            unsafe copenssl_SSL_CTX_set_min_proto_version(sslContext, TLS1_3_VERSION)
        } else {
            // A suite without authentication would do without a certificate, and so without any verification.
            let list = older.joined(separator: ":") + ":!aNULL:!eNULL:!PSK:!SRP"
            guard unsafe SSL_CTX_set_cipher_list(sslContext, list) == 1 else {
                throw .invalidTLSConfiguration(
                    "No usable cipher suite in \(older.joined(separator: ", ")): \(OpenSSLError.takeText()).")
            }
        }
    }

    /// Puts AES with 128 bits first, as browsers, BoringSSL and Go do: nobody breaks it, and it takes three quarters of the
    /// time. Does so only where neither this program nor the system's openssl.cnf says anything else.
    static func preferAES128(on sslContext: OpaquePointer) {
        let suites = unsafe SSL_CTX_get_ciphers(sslContext)
        let names = (0..<(unsafe copenssl_sk_SSL_CIPHER_num(suites))).compactMap { index in
            unsafe SSL_CIPHER_get_name(copenssl_sk_SSL_CIPHER_value(suites, index)).map { unsafe String(cString: $0) }
        }
        guard names.filter(isTLS13) == openSSLDefault else { return }
        unsafe SSL_CTX_set_ciphersuites(
            sslContext, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256")
    }

    /// SSL_CTX_set_ciphersuites(3).
    private static let openSSLDefault = [
        "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256",
    ]

    private static func isTLS13(_ name: String) -> Bool { name.hasPrefix("TLS_") }

    /// Tells whether the `SSL_CTX`, which was told this name alone, has a suite of exactly this name. A word such as `HIGH`
    /// is known too, but has suites of older versions only, and TLS 1.3 would be off without a word about it.
    private static func isOffered(_ name: String, by sslContext: OpaquePointer) -> Bool {
        let suites = unsafe SSL_CTX_get_ciphers(sslContext)
        return (0..<(unsafe copenssl_sk_SSL_CIPHER_num(suites))).contains { index in
            guard let suite = unsafe SSL_CIPHER_get_name(copenssl_sk_SSL_CIPHER_value(suites, index)) else {
                return false
            }
            return unsafe strcmp(suite, name) == 0
        }
    }

    private static func set(_ name: String, on sslContext: OpaquePointer) -> Bool {
        isTLS13(name)
            ? unsafe SSL_CTX_set_ciphersuites(sslContext, name) == 1
            : unsafe SSL_CTX_set_cipher_list(sslContext, name) == 1
    }
}

internal import COpenSSL
internal import LibC

/// Reads what people want to know out of an `X509`. Everything in it may come from an attacker.
package enum X509Reading {
    /// The most bytes that one name is shown with. The longest DNS name has 253, and a text that X.520 allows in a subject
    /// rarely has more.
    static let longestText = 300

    /// The subject as in RFC 4514: `CN=example.com,O=Example`.
    static func subject(of certificate: OpaquePointer) -> String {
        unsafe text(of: X509_get_subject_name(certificate))
    }

    /// The issuer as in RFC 4514.
    static func issuer(of certificate: OpaquePointer) -> String {
        unsafe text(of: X509_get_issuer_name(certificate))
    }

    static func text(of name: OpaquePointer?) -> String {
        guard let bio = unsafe OpenSSLObject(BIO_new(BIO_s_mem()), releasedBy: { unsafe BIO_free_all($0) }) else {
            return ""
        }
        guard unsafe X509_NAME_print_ex(bio.pointer, name, 0, copenssl_readable_rfc2253()) >= 0 else { return "" }
        var bytes: UnsafePointer<UInt8>?
        let count = unsafe copenssl_BIO_get_mem_data(bio.pointer, &bytes)
        let text = unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
        // It may come from a peer that nobody has verified.
        return clipped(text.visible(limit: longestText))
    }

    private static func clipped(_ text: String) -> String {
        guard text.utf8.count > longestText else { return text }
        // A character of Swift's may be of any number of scalars.
        var clipped = String.UnicodeScalarView()
        var size = 0
        for scalar in text.unicodeScalars {
            size += scalar.utf8.count
            guard size <= longestText else { break }
            clipped.append(scalar)
        }
        return String(clipped) + "…"
    }

    /// The DNS names and IP addresses of the subjectAltName extension, in its order. Bytes that no name has are shown as
    /// `\xNN`, so that a name with a NUL in it does not pass for its beginning.
    ///
    /// - Parameter size: The most bytes of names to return; names that are left out are counted in a last entry.
    static func names(of certificate: OpaquePointer, within size: Int) -> [String] {
        guard
            let names = unsafe OpenSSLObject(
                OpaquePointer(X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil)),
                releasedBy: { unsafe GENERAL_NAMES_free($0) })
        else { return [] }
        var result: [String] = []
        var room = size
        let count = unsafe copenssl_sk_GENERAL_NAME_num(names.pointer)
        for index in 0..<count {
            guard room > 0 else { return result + ["and \(count - index) more"] }
            let before = result.count
            defer { if result.count > before { room -= result[before].utf8.count } }
            let name = unsafe copenssl_sk_GENERAL_NAME_value(names.pointer, index)
            var type: Int32 = 0
            guard let value = unsafe GENERAL_NAME_get0_value(name, &type) else { continue }
            let string = unsafe value.assumingMemoryBound(to: ASN1_STRING.self)
            switch type {
            case GEN_DNS:
                let name = clipped(escaped(unsafe bytes(of: string).prefix(longestText + 1)))
                // An address as a DNS name matches nothing, which is a riddle unless it shows.
                result.append(TLSPeerName.isAddress(name) ? "DNS:\(name)" : name)
            case GEN_IPADD:
                let address = unsafe bytes(of: string)
                result.append(text(ofAddress: address) ?? "an IP address of \(address.count) bytes")
            default: break
            }
        }
        return result
    }

    private static func bytes(of string: UnsafePointer<ASN1_STRING>) -> [UInt8] {
        unsafe Array(
            UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string))))
    }

    private static func escaped(_ name: ArraySlice<UInt8>) -> String {
        var text = ""
        for byte in name {
            if (0x21...0x7e).contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += (byte < 0x10 ? "\\x0" : "\\x") + String(byte, radix: 16)
            }
        }
        return text
    }

    /// The shortest text form of an address of 4 or 16 bytes; `nil` for any other number of bytes.
    static func text(ofAddress address: [UInt8]) -> String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard address.count == 4 || address.count == 16,
            unsafe inet_ntop(address.count == 4 ? AF_INET : AF_INET6, address, &text, socklen_t(text.count)) != nil
        else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The beginning and the end of the validity, in seconds since 1970; `nil` where the certificate's time is malformed.
    static func validity(of certificate: OpaquePointer) -> (notBefore: Int64, notAfter: Int64)? {
        guard let notBefore = unsafe seconds(X509_get0_notBefore(certificate)),
            let notAfter = unsafe seconds(X509_get0_notAfter(certificate))
        else { return nil }
        return (notBefore, notAfter)
    }

    /// In seconds since 1970; `nil` for none and for a malformed one.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var parts = unsafe tm()
        guard let time = unsafe time, unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return unsafe Int64(timegm(&parts))
    }

    /// A time in seconds since 1970 as in RFC 3339.
    static func text(ofTime seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = unsafe tm()
        guard unsafe gmtime_r(&time, &parts) != nil else { return "\(seconds) s after 1970" }
        var text = [CChar](repeating: 0, count: 40)
        let count = unsafe strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Tells whether the certificate is good only together with a stapled OCSP response ("must-staple", RFC 7633): its TLS
    /// feature extension names `status_request`.
    static func demandsStapledResponse(_ certificate: OpaquePointer) -> Bool {
        guard
            let features = unsafe OpenSSLObject(
                OpaquePointer(X509_get_ext_d2i(certificate, NID_tlsfeature, nil, nil)),
                releasedBy: { unsafe copenssl_TLS_FEATURE_free($0) })
        else { return false }
        return unsafe copenssl_TLS_FEATURE_contains(features.pointer, Int(TLSEXT_TYPE_status_request)) == 1
    }

    /// The certificate in DER.
    package static func der(of certificate: OpaquePointer) -> [UInt8] {
        unsafe encoded { unsafe i2d_X509(certificate, $0) }
    }

    /// The SHA-256 of the SubjectPublicKeyInfo, whole (`X509_pubkey_digest(3)` hashes only the bits of the key).
    package static func publicKeyHash(of certificate: OpaquePointer) -> [UInt8] {
        unsafe sha256(encoded { unsafe i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), $0) })
    }

    /// Calls an `i2d_` function twice: for the length, then for the bytes.
    private static func encoded(
        _ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
    ) -> [UInt8] {
        let count = encode(nil)
        guard count > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, written in
            var cursor = buffer.baseAddress
            written = unsafe Int(encode(&cursor))
        }
    }

    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { buffer, written in
            unsafe SHA256(bytes, bytes.count, buffer.baseAddress)
            written = Int(SHA256_DIGEST_LENGTH)
        }
    }
}

internal import COpenSSL

/// The SHA-256 of a public key (SubjectPublicKeyInfo, as in RFC 7469 section 2.4) that must appear in a server's chain.
///
/// A server's pin, from its certificate:
/// ```
/// openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
/// ```
public struct SPKIPin: Hashable, Sendable {
    /// The 32 bytes of the hash.
    public let sha256: [UInt8]

    /// A pin as text: `sha256/` or `sha256//` and the 44 characters of base64, or these alone.
    ///
    /// - Throws: `invalidConfiguration` when it is anything else.
    public init(_ text: String) throws(WebSocketError) {
        // The length alone tells the second slash of a prefix from the first character of a hash: one hash in 64 begins with it.
        let encoded = text.utf8.suffix(44)
        let prefix = text.utf8.dropLast(44)
        guard ["", "sha256/", "sha256//"].contains(where: { prefix.elementsEqual($0.utf8) }),
            let hash = Self.decode(Array(encoded))
        else {
            throw WebSocketError(
                .invalidConfiguration, stage: .configuration,
                message: """
                    The pin "\(text)" is not a SHA-256 hash in base64: 44 characters that end in "=", as in \
                    sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=.
                    """)
        }
        sha256 = hash
    }

    /// A pin from the 32 bytes of the hash; `nil` when they are not 32.
    public init?(sha256: [UInt8]) {
        guard sha256.count == 32 else { return nil }
        self.sha256 = sha256
    }

    private static func decode(_ encoded: [UInt8]) -> [UInt8]? {
        // EVP_DecodeBlock(3) skips white space and counts the padding as bytes, so both are settled here.
        guard encoded.count == 44, encoded.last == UInt8(ascii: "="),
            encoded.dropLast().allSatisfy({ $0 != UInt8(ascii: "=") && $0 > UInt8(ascii: " ") })
        else { return nil }
        var decoded = [UInt8](repeating: 0, count: 33)
        let count = unsafe EVP_DecodeBlock(&decoded, encoded, Int32(encoded.count))
        return count == 33 ? Array(decoded.prefix(32)) : nil
    }
}

extension SPKIPin: CustomStringConvertible {
    /// The pin as `sha256/…`.
    public var description: String {
        var encoded = [UInt8](repeating: 0, count: 45)
        let count = unsafe EVP_EncodeBlock(&encoded, sha256, Int32(sha256.count))
        return "sha256/" + String(decoding: encoded.prefix(Int(count)), as: UTF8.self)
    }
}

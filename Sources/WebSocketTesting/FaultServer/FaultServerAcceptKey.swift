import COpenSSL

/// `Sec-WebSocket-Accept`, by OpenSSL and not by the code under test.
enum FaultServerAcceptKey {
    /// The base64 of the SHA-1 of the key and the protocol's GUID (RFC 6455 section 4.2.2).
    static func acceptValue(for key: String) -> String {
        let input = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
        SHA1(input, input.count, &digest)
        // Four characters for three bytes, and the NUL that EVP_EncodeBlock ends with.
        var text = [UInt8](repeating: 0, count: (digest.count + 2) / 3 * 4 + 1)
        let length = EVP_EncodeBlock(&text, digest, Int32(digest.count))
        return String(decoding: text.prefix(Int(length)), as: UTF8.self)
    }
}

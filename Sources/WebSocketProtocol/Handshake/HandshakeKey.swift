/// The value of `Sec-WebSocket-Key`: 16 random bytes, fresh for each handshake (RFC 6455 section 4.1), by whose digest
/// the server proves that it speaks WebSocket.
package struct HandshakeKey: Hashable, Sendable {
    package static let byteCount = 16
    /// RFC 6455 section 1.3.
    private static let serverGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// 24 characters of base64.
    package let value: String

    package init(_ random: RandomByteSource) throws(RandomSourceFailure) {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        try bytes.withUnsafeMutableBufferPointer { buffer throws(RandomSourceFailure) in
            try random.fill(UnsafeMutableRawBufferPointer(buffer))
        }
        value = Base64.encode(bytes)
    }

    /// A key that a client sent.
    /// - Returns: `nil` when it is not the base64 of 16 bytes (RFC 6455 section 4.2.1).
    package init?(received value: String) {
        guard Base64.decode(value)?.count == Self.byteCount else { return nil }
        self.value = value
    }

    /// The only right answer in `Sec-WebSocket-Accept` (RFC 6455 section 4.2.2).
    package var acceptValue: String {
        Base64.encode(SHA1.digest(of: (value + Self.serverGUID).utf8))
    }
}

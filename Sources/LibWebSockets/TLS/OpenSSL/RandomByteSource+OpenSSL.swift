internal import COpenSSL
internal import WebSocketProtocol

extension RandomByteSource {
    /// OpenSSL's generator for public values (`RAND_bytes(3)`), seeded by the operating system.
    static let openSSL = unsafe RandomByteSource { bytes throws(RandomSourceFailure) in
        _ = OpenSSLCleanup.isDisabled
        let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        guard unsafe RAND_bytes(start, CInt(bytes.count)) == 1 else {
            throw RandomSourceFailure(description: "OpenSSL has no random bytes: \(OpenSSLError.takeText())")
        }
    }
}

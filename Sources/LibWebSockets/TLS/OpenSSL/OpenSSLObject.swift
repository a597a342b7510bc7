internal import COpenSSL

/// Sole owner of one reference to an OpenSSL object, which it gives back in the end.
@safe package struct OpenSSLObject: ~Copyable {
    package let pointer: OpaquePointer
    private let release: (OpaquePointer?) -> Void

    /// Takes the reference over; `nil` when OpenSSL returned none.
    package init?(_ pointer: OpaquePointer?, releasedBy release: @escaping (OpaquePointer?) -> Void) {
        guard let pointer = unsafe pointer else { return nil }
        unsafe self.pointer = pointer
        unsafe self.release = release
    }

    deinit { unsafe release(pointer) }

    /// A memory BIO that reads from a copy of `bytes`.
    package static func memoryBIO(reading bytes: [UInt8]) -> OpenSSLObject? {
        guard let bio = unsafe OpenSSLObject(BIO_new(BIO_s_mem()), releasedBy: { unsafe BIO_free_all($0) }) else {
            return nil
        }
        let count = Int32(clamping: bytes.count)
        guard unsafe bytes.isEmpty || BIO_write(bio.pointer, bytes, count) == count else { return nil }
        return bio
    }
}
